WITH t AS MATERIALIZED 
(SELECT set_config('app.tenant', CAST($1::UUID AS TEXT), true) AS set_config_1)
 SELECT convert_to(CAST((SELECT (SELECT row_to_json(o$) AS row_to_json_1 
FROM (SELECT r1.name AS "name",
  (SELECT (SELECT row_to_json(o$) AS row_to_json_2 
FROM (SELECT (SELECT count(*) AS count_1 
FROM (SELECT 1 AS anon_4 
FROM bookings 
WHERE bookings.tenant_id = $1::UUID AND bookings.customer_id = r1.id 
 LIMIT 10001) AS anon_3) AS "totalCount",
  coalesce(array_to_json(array_agg((SELECT row_to_json(o$) AS row_to_json_3 
FROM (SELECT r2.reference AS "reference",
  CASE WHEN (r3.id IS NOT NULL) THEN (SELECT row_to_json(o$) AS row_to_json_4 
FROM (SELECT r3.name AS "name") AS o$) END AS "room") AS o$) ORDER BY r2.starts_at, r2.id)), '[]'::json) AS "nodes") AS o$) AS anon_2 
FROM (SELECT bookings.tenant_id AS tenant_id, bookings.id AS id, bookings.reference AS reference, bookings.room_id AS room_id, bookings.also_room_ids AS also_room_ids, bookings.space_ids AS space_ids, bookings.seat_numbers AS seat_numbers, bookings.customer_id AS customer_id, bookings.held_by_id AS held_by_id, bookings.status AS status, bookings.starts_at AS starts_at, bookings.ends_at AS ends_at, bookings.occupied AS occupied, bookings.hold_expires_at AS hold_expires_at, bookings.approval_expires_at AS approval_expires_at, bookings.release_at AS release_at, bookings.party_size AS party_size, bookings.note AS note, bookings.held_from AS held_from, bookings.guest_confirmed_at AS guest_confirmed_at, bookings.contact_name AS contact_name, bookings.contact_phone AS contact_phone, bookings.price_lines AS price_lines, bookings.price_minor AS price_minor, bookings.price_sums AS price_sums, bookings.currency_code AS currency_code, bookings.terms AS terms, bookings.earliest_start AS earliest_start, bookings.was_confirmed AS was_confirmed, bookings.moves_id AS moves_id, bookings.coupon_id AS coupon_id, bookings.series_id AS series_id, bookings.original_starts_at AS original_starts_at, bookings.version AS version, bookings.link_version AS link_version, bookings.created_at AS created_at, bookings.updated_at AS updated_at 
FROM bookings 
WHERE bookings.tenant_id = $1::UUID AND bookings.customer_id = r1.id ORDER BY bookings.starts_at ASC, bookings.id ASC 
 LIMIT $2::BIGINT) AS r2 LEFT OUTER JOIN rooms AS r3 ON r3.id = r2.room_id AND r3.tenant_id = $1::UUID) AS "bookings") AS o$) AS anon_1 
FROM (SELECT customers.tenant_id AS tenant_id, customers.id AS id, customers.name AS name, customers.name_key AS name_key, customers.name_search AS name_search, customers.email AS email, customers.email_key AS email_key, customers.phone AS phone, customers.phone_search AS phone_search, customers.locale AS locale, customers.notes AS notes, customers.tags AS tags, customers.version AS version, customers.created_at AS created_at 
FROM customers 
WHERE customers.tenant_id = $1::UUID AND customers.id = (SELECT coalesce((SELECT customer_merges.keep_id 
FROM customer_merges 
WHERE customer_merges.tenant_id = $1::UUID AND customer_merges.merged_id = $3::UUID), $3::UUID) AS coalesce_1) 
 LIMIT 1) AS r1) AS TEXT), 'UTF8') AS c0 
FROM t
