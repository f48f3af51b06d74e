WITH t AS MATERIALIZED 
(SELECT set_config('app.tenant', CAST($1::UUID AS TEXT), true) AS set_config_1)
 SELECT CAST((SELECT (SELECT row_to_json(o$) AS row_to_json_1 
FROM (SELECT (SELECT count(*) AS count_1 
FROM (SELECT 1 AS anon_3 
FROM bookings 
WHERE bookings.tenant_id = $1::UUID AND true AND true AND true AND true AND true AND (replace(bookings.reference, '-', '') ILIKE $2::VARCHAR ESCAPE '/' OR (EXISTS (SELECT customers.id 
FROM customers 
WHERE customers.tenant_id = bookings.tenant_id AND customers.id = bookings.customer_id AND (customers.name_search ILIKE $3::VARCHAR ESCAPE '/' OR customers.email ILIKE $4::VARCHAR ESCAPE '/' OR customers.phone_search ILIKE $5::VARCHAR ESCAPE '/')))) 
 LIMIT 10001) AS anon_2) AS "totalCount",
  coalesce(array_to_json(array_agg((SELECT row_to_json(o$) AS row_to_json_2 
FROM (SELECT r1.reference AS "reference",
  CASE WHEN (r2.id IS NOT NULL) THEN (SELECT row_to_json(o$) AS row_to_json_3 
FROM (SELECT r2.name AS "name",
  r2.phone AS "phone") AS o$) END AS "customer") AS o$) ORDER BY r1.starts_at, r1.id)), '[]'::json) AS "nodes") AS o$) AS anon_1 
FROM (SELECT bookings.tenant_id AS tenant_id, bookings.id AS id, bookings.reference AS reference, bookings.room_id AS room_id, bookings.customer_id AS customer_id, bookings.held_by_id AS held_by_id, bookings.status AS status, bookings.starts_at AS starts_at, bookings.ends_at AS ends_at, bookings.occupied AS occupied, bookings.hold_expires_at AS hold_expires_at, bookings.party_size AS party_size, bookings.note AS note, bookings.held_from AS held_from, bookings.guest_confirmed_at AS guest_confirmed_at, bookings.contact_name AS contact_name, bookings.contact_phone AS contact_phone, bookings.price_lines AS price_lines, bookings.price_minor AS price_minor, bookings.currency_code AS currency_code, bookings.terms AS terms, bookings.earliest_start AS earliest_start, bookings.was_confirmed AS was_confirmed, bookings.moves_id AS moves_id, bookings.version AS version, bookings.link_version AS link_version, bookings.created_at AS created_at, bookings.updated_at AS updated_at 
FROM bookings 
WHERE bookings.tenant_id = $1::UUID AND true AND true AND true AND true AND true AND (replace(bookings.reference, '-', '') ILIKE $2::VARCHAR ESCAPE '/' OR (EXISTS (SELECT customers.id 
FROM customers 
WHERE customers.tenant_id = bookings.tenant_id AND customers.id = bookings.customer_id AND (customers.name_search ILIKE $3::VARCHAR ESCAPE '/' OR customers.email ILIKE $4::VARCHAR ESCAPE '/' OR customers.phone_search ILIKE $5::VARCHAR ESCAPE '/')))) ORDER BY bookings.starts_at ASC, bookings.id ASC 
 LIMIT 20) AS r1 LEFT OUTER JOIN customers AS r2 ON r2.id = r1.customer_id AND r2.tenant_id = $1::UUID) AS TEXT) AS c0 
FROM t
