// The access token of the last session handed out on this page. In memory only: a stored token
// would outlive the person at the keyboard.
let accessToken = null;

export const PLACEHOLDER = "{{accessToken}}";

/** The headers to send: the placeholder filled in, or its header left out while there is no token. */
export function fillIn(headers = {}) {
  const filled = Object.entries(headers).map(([name, value]) => [
    name,
    accessToken === null ? value : String(value).replaceAll(PLACEHOLDER, accessToken),
  ]);
  return Object.fromEntries(filled.filter(([, value]) => !String(value).includes(PLACEHOLDER)));
}

/** Keep the token of a session in the answer; forget it once the server no longer takes it. */
export function learnFrom(answer) {
  // Without this an expired token would go along until the next login.
  if (answer.errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED")) {
    accessToken = null;
  }
  for (const payload of Object.values(answer.data ?? {})) {
    accessToken = payload?.session?.accessToken ?? accessToken;
  }
}
