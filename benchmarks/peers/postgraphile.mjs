// PostGraphile 5: its schema is made from the database. What its built-in conditions don't say is
// said by functions, as its documentation teaches.

import { createServer } from "node:http";
import pg from "pg";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const connectionString = process.env.BENCH_DATABASE_URL;

const FUNCTIONS = `
  CREATE SCHEMA IF NOT EXISTS peers;
  CREATE OR REPLACE FUNCTION peers.own_tenant() RETURNS uuid STABLE LANGUAGE sql AS
    $$ SELECT id FROM public.tenants WHERE subdomain = 'bench-0' $$;
  COMMENT ON FUNCTION peers.own_tenant() IS '@omit';
  CREATE OR REPLACE FUNCTION peers.bookings_between(since timestamptz, until timestamptz)
    RETURNS SETOF public.bookings STABLE LANGUAGE sql AS $$
      SELECT * FROM public.bookings
      WHERE tenant_id = peers.own_tenant() AND starts_at >= since AND starts_at < until
      ORDER BY starts_at, id $$;
  CREATE OR REPLACE FUNCTION peers.bookings_found(said text, since timestamptz)
    RETURNS SETOF public.bookings STABLE LANGUAGE sql AS $$
      SELECT b.* FROM public.bookings b
      WHERE b.tenant_id = peers.own_tenant() AND b.starts_at >= since
        AND (b.reference ILIKE '%' || said || '%' OR EXISTS (
          SELECT FROM public.customers c
          WHERE c.tenant_id = b.tenant_id AND c.id = b.customer_id
            AND (c.name ILIKE '%' || said || '%' OR c.email ILIKE '%' || said || '%'
              OR c.phone ILIKE '%' || said || '%')))
      ORDER BY b.starts_at, b.id $$;
  CREATE OR REPLACE FUNCTION peers.own_rooms() RETURNS SETOF public.rooms STABLE LANGUAGE sql AS
    $$ SELECT * FROM public.rooms WHERE tenant_id = peers.own_tenant() ORDER BY name, id $$;
  CREATE OR REPLACE FUNCTION peers.rooms_next(room public.rooms, since timestamptz)
    RETURNS SETOF public.bookings STABLE LANGUAGE sql AS $$
      SELECT * FROM public.bookings
      WHERE tenant_id = room.tenant_id AND room_id = room.id AND starts_at >= since
      ORDER BY starts_at, id $$;
  CREATE OR REPLACE FUNCTION peers.book(
      room_id uuid, customer_id uuid, starts_at timestamptz, minutes int, party_size int)
    RETURNS public.bookings VOLATILE LANGUAGE sql AS $$
      INSERT INTO public.bookings (tenant_id, id, reference, room_id, customer_id, status,
        starts_at, ends_at, occupied, party_size, price_minor, currency_code, version, link_version,
        created_at, updated_at)
      SELECT peers.own_tenant(), made.id, made.id::text, book.room_id, book.customer_id,
        'confirmed', book.starts_at, till.at, tstzrange(book.starts_at, till.at), book.party_size,
        4000, 'USD', 1, 1, now(), now()
      FROM (SELECT gen_random_uuid() AS id) made,
        (SELECT book.starts_at + make_interval(mins => minutes) AS at) till
      RETURNING * $$;
`;

const client = new pg.Client({ connectionString });
await client.connect();
await client.query(FUNCTIONS);
await client.end();

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      connectionString,
      schemas: ["public", "peers"],
      poolConfig: { max: 10 },
    }),
  ],
  grafserv: { graphqlPath: "/graphql", graphiql: false, websockets: false, watch: false },
  grafast: { explain: false },
});

const server = createServer();
await instance.createServ(grafserv).addTo(server);
server.listen(Number(process.env.PORT), "127.0.0.1");
