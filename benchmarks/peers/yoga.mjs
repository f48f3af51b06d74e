// GraphQL Yoga: compiled by graphql-jit, its own cache of parsed documents, DataLoaders.

import { createServer } from "node:http";
import { useGraphQlJit } from "@envelop/graphql-jit";
import DataLoader from "dataloader";
import { createSchema, createYoga } from "graphql-yoga";
import { customersById, nextBookings, resolvers, roomsById, typeDefs } from "./api.mjs";

const schema = createSchema({
  typeDefs,
  resolvers: {
    ...resolvers,
    Booking: {
      ...resolvers.Booking,
      room: (row, _, context) => context.rooms.load(row.room_id),
      customer: (row, _, context) =>
        row.customer_id && context.customers.load(row.customer_id),
    },
    Room: {
      ...resolvers.Room,
      bookings: (row, given, context) => {
        // One place of the document, so one set of arguments.
        context.next ??= new DataLoader((ids) => nextBookings(ids, given));
        return context.next.load(row.id);
      },
    },
  },
});

const yoga = createYoga({
  schema,
  context: () => ({
    rooms: new DataLoader(roomsById),
    customers: new DataLoader(customersById),
  }),
  plugins: [useGraphQlJit()],
  graphiql: false,
  landingPage: false,
  logging: false,
  multipart: false,
});

createServer(yoga).listen(Number(process.env.PORT), "127.0.0.1");
