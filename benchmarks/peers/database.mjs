// PostgreSQL as its Node.js driver is best used: one pool, prepared statements, no Date objects.

import pg from "pg";

const TIMESTAMPTZ = 1184;

// The session is in UTC, so the text only has to be put into RFC 3339's form.
pg.types.setTypeParser(TIMESTAMPTZ, (text) =>
  text.replace(" ", "T").replace(/\+00$/, "Z"),
);

const pool = new pg.Pool({
  connectionString: process.env.BENCH_DATABASE_URL,
  max: 10,
  options: "-c TimeZone=UTC",
});

const names = new Map();

/** The rows of a statement that stays prepared on each connection. */
export async function rowsOf(text, ...values) {
  let name = names.get(text);
  if (name === undefined) names.set(text, (name = `statement_${names.size}`));
  return (await pool.query({ name, text, values })).rows;
}

/** The rows of a statement that changes something, in a transaction. */
export async function changed(text, ...values) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const { rows } = await client.query({ name: "change", text, values });
    await client.query("COMMIT");
    return rows;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

/** The only tenant that asks. */
export const [{ id: tenant }] = await rowsOf(
  "SELECT id FROM tenants WHERE subdomain = 'bench-0'",
);
