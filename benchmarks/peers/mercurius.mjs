// Mercurius on Fastify: compiled by graphql-jit from the first request on, its own loaders.

import Fastify from "fastify";
import mercurius from "mercurius";
import { customersById, nextBookings, resolvers, roomsById, typeDefs } from "./api.mjs";

const app = Fastify({ logger: false });

const loadedBy = (column, load) => (queries) =>
  load([...new Set(queries.map(({ obj }) => obj[column]))]).then((rows) => {
    const found = new Map(rows.filter(Boolean).map((row) => [row.id, row]));
    return queries.map(({ obj }) => found.get(obj[column]) ?? null);
  });

await app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  loaders: {
    Booking: {
      room: loadedBy("room_id", roomsById),
      customer: loadedBy("customer_id", customersById),
    },
    Room: {
      bookings: (queries) =>
        nextBookings(
          queries.map(({ obj }) => obj.id),
          queries[0].params,
        ),
    },
  },
  jit: 1,
  graphiql: false,
});

await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
