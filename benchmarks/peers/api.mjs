// The part of the API that is measured, for servers that are written by hand in JavaScript: its
// statements, and what is the same in both servers. No login, no permissions, no limits.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { changed, rowsOf, tenant } from "./database.mjs";

export const typeDefs = readFileSync(new URL("api.graphql", import.meta.url), "utf8");

const COLUMNS =
  'b.id, b.reference, upper(b.status) AS status, b.starts_at AS "startsAt", ' +
  'b.ends_at AS "endsAt", b.party_size AS "partySize", b.room_id, b.customer_id';
const OVERLAP = "23P01";

const nodeId = (type) => (row) =>
  Buffer.from(`${type}:${row.id}`).toString("base64");

const uuidOf = (id) => Buffer.from(id, "base64").toString().split(":")[1];

/** Rows by their ids, in the order of the ids: what both servers' loaders do. */
async function inOrder(text, ids) {
  const found = new Map();
  for (const row of await rowsOf(text, tenant, ids)) found.set(row.id, row);
  return ids.map((id) => found.get(id) ?? null);
}

export const roomsById = (ids) =>
  inOrder(
    "SELECT id, name, color FROM rooms WHERE tenant_id = $1 AND id = ANY($2)",
    ids,
  );

export const customersById = (ids) =>
  inOrder(
    "SELECT id, name, email FROM customers WHERE tenant_id = $1 AND id = ANY($2)",
    ids,
  );

/** The first bookings of each room from an instant on. */
export async function nextBookings(roomIds, { first, filter }) {
  const rows = await rowsOf(
    `SELECT b.* FROM unnest($2::uuid[]) r (id) CROSS JOIN LATERAL (
       SELECT ${COLUMNS} FROM bookings b
       WHERE b.tenant_id = $1 AND b.room_id = r.id AND b.starts_at >= $3
       ORDER BY b.starts_at, b.id LIMIT $4) b`,
    tenant,
    roomIds,
    filter?.startsAt?.gte ?? "-infinity",
    first,
  );
  const found = new Map(roomIds.map((id) => [id, []]));
  for (const row of rows) found.get(row.room_id).push(row);
  return roomIds.map((id) => ({ nodes: found.get(id) }));
}

function conditionsOf(filter) {
  const conditions = ["b.tenant_id = $1"];
  const values = [tenant];
  const add = (value, condition) => {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  if (filter?.startsAt?.gte) add(filter.startsAt.gte, (n) => `b.starts_at >= ${n}`);
  if (filter?.startsAt?.lt) add(filter.startsAt.lt, (n) => `b.starts_at < ${n}`);
  if (filter?.search) {
    add(
      `%${filter.search}%`,
      (n) =>
        `(b.reference ILIKE ${n} OR EXISTS (SELECT FROM customers c
          WHERE c.tenant_id = b.tenant_id AND c.id = b.customer_id
          AND (c.name ILIKE ${n} OR c.email ILIKE ${n} OR c.phone ILIKE ${n})))`,
    );
  }
  return { where: conditions.join(" AND "), values };
}

async function createBooking({ roomId, start, durationMinutes, customer, partySize }) {
  const id = randomUUID();
  const until = new Date(Date.parse(start.at) + durationMinutes * 60_000).toISOString();
  try {
    const [booking] = await changed(
      `INSERT INTO bookings AS b (tenant_id, id, reference, room_id, customer_id, status,
         starts_at, ends_at, occupied, party_size, price_minor, currency_code, version,
         link_version, created_at, updated_at)
       VALUES ($1, $2::uuid, $2::uuid::text, $3, $4, 'confirmed', $5, $6, tstzrange($5, $6), $7,
         4000, 'USD', 1, 1, now(), now())
       RETURNING ${COLUMNS}`,
      tenant,
      id,
      uuidOf(roomId),
      uuidOf(customer.id),
      start.at,
      until,
      partySize,
    );
    return { booking, userErrors: [] };
  } catch (error) {
    if (error.code !== OVERLAP) throw error;
    return { booking: null, userErrors: [{ message: "Taken." }] };
  }
}

/** All but the relations, which each server loads in its own way. */
export const resolvers = {
  Query: {
    booking: async (_, { id }) =>
      (
        await rowsOf(
          `SELECT ${COLUMNS} FROM bookings b WHERE b.tenant_id = $1 AND b.id = $2`,
          tenant,
          uuidOf(id),
        )
      )[0],
    bookings: (_, given) => given,
    rooms: async (_, { first }) => ({
      nodes: await rowsOf(
        "SELECT id, name, color FROM rooms WHERE tenant_id = $1 ORDER BY name, id LIMIT $2",
        tenant,
        first,
      ),
    }),
  },
  Mutation: { createBooking: (_, { input }) => createBooking(input) },
  Bookings: {
    nodes: ({ first, filter }) => {
      const { where, values } = conditionsOf(filter);
      return rowsOf(
        `SELECT ${COLUMNS} FROM bookings b WHERE ${where}
         ORDER BY b.starts_at, b.id LIMIT $${values.length + 1}`,
        ...values,
        first,
      );
    },
    totalCount: async ({ filter }) => {
      const { where, values } = conditionsOf(filter);
      const [{ count }] = await rowsOf(
        `SELECT count(*)::int AS count FROM bookings b WHERE ${where}`,
        ...values,
      );
      return count;
    },
  },
  Booking: { id: nodeId("Booking") },
  Room: { id: nodeId("Room") },
};
