import { createGraphiQLFetcher, isAsyncIterable } from "@graphiql/toolkit";
import { getOperationAST, parse } from "graphql";
import { createClient } from "graphql-ws";

import { fillIn, learnFrom } from "./token.js";

const url = new URL("/graphql", location.href);
const socketUrl = new URL(url);
socketUrl.protocol = location.protocol === "https:" ? "wss:" : "ws:";

const overHttp = createGraphiQLFetcher({ url: url.href });

/** GraphiQL's way to the API: queries and mutations over HTTP, subscriptions over a WebSocket. */
export async function fetcher(params, options) {
  const headers = fillIn(options?.headers);
  const operation = operationIn(params);
  const asked = operation ? { ...params, operationName: operation.name?.value } : params;
  if (operation?.operation === "subscription") {
    return overSocket(asked, headers);
  }
  const answers = await overHttp(asked, { headers });
  // What is not iterable is the schema, which hands out no session.
  return isAsyncIterable(answers) ? learning(answers) : answers;
}

// Found here, because what GraphiQL knows of a document lags behind its editor: run right after
// a change of tabs, it would be the last tab's operation.
function operationIn({ query, operationName }) {
  try {
    const document = parse(query);
    return getOperationAST(document, operationName) ?? getOperationAST(document);
  } catch {
    return null; // The server says what is wrong with it.
  }
}

async function* learning(answers) {
  for await (const answer of answers) {
    // Parts of a deferred answer come in lists.
    [answer].flat().forEach(learnFrom);
    yield answer;
  }
}

// A socket of its own for each run: credentials are sent once per socket, and may have changed.
// An observable, because an async generator would stop only after its next event.
function overSocket(params, headers) {
  return {
    subscribe(observer) {
      const client = createClient({
        url: socketUrl.href,
        connectionParams: { authorization: authorizationIn(headers) },
        retryAttempts: 0,
      });
      const unsubscribe = client.subscribe(params, {
        next: (answer) => observer.next(answer),
        error: (error) => observer.error(readable(error)),
        complete: () => observer.complete(),
      });
      return { unsubscribe };
    },
  };
}

function authorizationIn(headers) {
  const name = Object.keys(headers).find((name) => name.toLowerCase() === "authorization");
  return headers[name];
}

// Browsers tell a page only the close code, and print an event as "{ isTrusted: true }".
function readable(error) {
  if (error instanceof CloseEvent) {
    return new Error(`The server closed the connection: ${error.code} ${error.reason}`.trim());
  }
  if (error instanceof Event) {
    return new Error("The connection to the server failed.");
  }
  return error;
}
