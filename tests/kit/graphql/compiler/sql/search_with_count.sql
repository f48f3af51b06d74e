WITH anon_5 AS MATERIALIZED 
(SELECT found.ids AS ids, found.are_all AS are_all 
FROM customers_found($1::VARCHAR, lower($2::VARCHAR), $3::VARCHAR, 5000, 2500) AS found), 
anon_6 AS MATERIALIZED 
(SELECT found.ids AS ids, found.are_all AS are_all 
FROM bookings_found($4::VARCHAR, 10000) AS found), 
anon_7 AS MATERIALIZED 
(SELECT bookings.starts_at AS starts_at, bookings.id AS id 
FROM bookings 
WHERE bookings.tenant_id = $5::UUID AND true AND true AND true AND true AND bookings.customer_id = ANY (CAST((SELECT anon_5.ids 
FROM anon_5) AS UUID[])) UNION ALL SELECT bookings.starts_at AS starts_at, bookings.id AS id 
FROM bookings 
WHERE bookings.tenant_id = $5::UUID AND true AND true AND true AND true AND (SELECT anon_5.are_all 
FROM anon_5) AND bookings.id = ANY (CAST((SELECT anon_6.ids 
FROM anon_6) AS UUID[])) AND (bookings.customer_id IN (SELECT unnest(CAST((SELECT anon_5.ids 
FROM anon_5) AS UUID[])) AS unnest_1)) IS NOT true 
 LIMIT 10001), 
anon_4 AS MATERIALIZED 
(SELECT count(*) AS number 
FROM anon_7), 
anon_3 AS MATERIALIZED 
(SELECT anon_4.number AS number, CASE WHEN (anon_4.number > 10000) THEN false ELSE CASE WHEN (SELECT anon_5.are_all 
FROM anon_5) THEN (SELECT anon_6.are_all 
FROM anon_6) ELSE false END END AS is_whole 
FROM anon_4), 
anon_8 AS MATERIALIZED 
(SELECT bookings.reference AS reference, bookings.customer_id AS customer_id 
FROM bookings 
WHERE bookings.tenant_id = $5::UUID AND true AND true AND true AND true 
 LIMIT 20001), 
t AS MATERIALIZED 
(SELECT set_config('app.tenant', CAST($5::UUID AS TEXT), true) AS set_config_1)
 SELECT convert_to(CAST((SELECT (SELECT row_to_json(o$) AS row_to_json_1 
FROM (SELECT (SELECT CASE WHEN ((SELECT anon_3.number 
FROM anon_3) > 10000 OR (SELECT anon_3.is_whole 
FROM anon_3)) THEN (SELECT anon_3.number 
FROM anon_3) ELSE CASE WHEN ((SELECT count(*) AS count_1 
FROM anon_8) <= 20000) THEN (SELECT least((SELECT count(*) AS count_1 
FROM anon_8 
WHERE strpos(replace(anon_8.reference, '-', ''), $4::VARCHAR) > 0 OR anon_8.customer_id IN (SELECT customers.id 
FROM customers 
WHERE customers.tenant_id = $5::UUID AND customers.id = ANY (CAST(array((SELECT DISTINCT anon_8.customer_id 
FROM anon_8)) AS UUID[])) AND (strpos(customers.name_search, $1::VARCHAR) > 0 OR strpos(lower(customers.email), lower($2::VARCHAR)) > 0 OR strpos(customers.phone_search, $3::VARCHAR) > 0))), 10001) AS least_1) ELSE (SELECT count(*) AS count_2 
FROM (SELECT 1 AS anon_10 
FROM bookings 
WHERE bookings.tenant_id = $5::UUID AND true AND true AND true AND true AND (strpos(replace(bookings.reference, '-', ''), $4::VARCHAR) > 0 OR (SELECT strpos(customers.name_search, $1::VARCHAR) > 0 OR strpos(lower(customers.email), lower($2::VARCHAR)) > 0 OR strpos(customers.phone_search, $3::VARCHAR) > 0 AS anon_11 
FROM customers 
WHERE customers.tenant_id = bookings.tenant_id AND customers.id = bookings.customer_id)) 
 LIMIT 10001) AS anon_9) END END AS anon_2) AS "totalCount",
  coalesce(array_to_json(array_agg((SELECT row_to_json(o$) AS row_to_json_2 
FROM (SELECT r1.reference AS "reference",
  CASE WHEN (r2.id IS NOT NULL) THEN (SELECT row_to_json(o$) AS row_to_json_3 
FROM (SELECT r2.name AS "name",
  r2.phone AS "phone") AS o$) END AS "customer") AS o$) ORDER BY r1.starts_at, r1.id)), '[]'::json) AS "nodes") AS o$) AS anon_1 
FROM (SELECT anon_12.tenant_id AS tenant_id, anon_12.id AS id, anon_12.reference AS reference, anon_12.room_id AS room_id, anon_12.also_room_ids AS also_room_ids, anon_12.space_ids AS space_ids, anon_12.seat_numbers AS seat_numbers, anon_12.customer_id AS customer_id, anon_12.held_by_id AS held_by_id, anon_12.status AS status, anon_12.starts_at AS starts_at, anon_12.ends_at AS ends_at, anon_12.occupied AS occupied, anon_12.hold_expires_at AS hold_expires_at, anon_12.approval_expires_at AS approval_expires_at, anon_12.release_at AS release_at, anon_12.party_size AS party_size, anon_12.note AS note, anon_12.held_from AS held_from, anon_12.guest_confirmed_at AS guest_confirmed_at, anon_12.contact_name AS contact_name, anon_12.contact_phone AS contact_phone, anon_12.price_lines AS price_lines, anon_12.price_minor AS price_minor, anon_12.price_sums AS price_sums, anon_12.currency_code AS currency_code, anon_12.terms AS terms, anon_12.earliest_start AS earliest_start, anon_12.was_confirmed AS was_confirmed, anon_12.moves_id AS moves_id, anon_12.coupon_id AS coupon_id, anon_12.series_id AS series_id, anon_12.original_starts_at AS original_starts_at, anon_12.version AS version, anon_12.link_version AS link_version, anon_12.created_at AS created_at, anon_12.updated_at AS updated_at 
FROM (SELECT bookings.tenant_id AS tenant_id, bookings.id AS id, bookings.reference AS reference, bookings.room_id AS room_id, bookings.also_room_ids AS also_room_ids, bookings.space_ids AS space_ids, bookings.seat_numbers AS seat_numbers, bookings.customer_id AS customer_id, bookings.held_by_id AS held_by_id, bookings.status AS status, bookings.starts_at AS starts_at, bookings.ends_at AS ends_at, bookings.occupied AS occupied, bookings.hold_expires_at AS hold_expires_at, bookings.approval_expires_at AS approval_expires_at, bookings.release_at AS release_at, bookings.party_size AS party_size, bookings.note AS note, bookings.held_from AS held_from, bookings.guest_confirmed_at AS guest_confirmed_at, bookings.contact_name AS contact_name, bookings.contact_phone AS contact_phone, bookings.price_lines AS price_lines, bookings.price_minor AS price_minor, bookings.price_sums AS price_sums, bookings.currency_code AS currency_code, bookings.terms AS terms, bookings.earliest_start AS earliest_start, bookings.was_confirmed AS was_confirmed, bookings.moves_id AS moves_id, bookings.coupon_id AS coupon_id, bookings.series_id AS series_id, bookings.original_starts_at AS original_starts_at, bookings.version AS version, bookings.link_version AS link_version, bookings.created_at AS created_at, bookings.updated_at AS updated_at 
FROM bookings 
WHERE bookings.tenant_id = $5::UUID AND (SELECT anon_3.is_whole 
FROM anon_3) AND bookings.id IN (SELECT anon_7.id 
FROM anon_7 ORDER BY anon_7.starts_at ASC, anon_7.id ASC 
 LIMIT 20) UNION ALL (SELECT bookings.tenant_id AS tenant_id, bookings.id AS id, bookings.reference AS reference, bookings.room_id AS room_id, bookings.also_room_ids AS also_room_ids, bookings.space_ids AS space_ids, bookings.seat_numbers AS seat_numbers, bookings.customer_id AS customer_id, bookings.held_by_id AS held_by_id, bookings.status AS status, bookings.starts_at AS starts_at, bookings.ends_at AS ends_at, bookings.occupied AS occupied, bookings.hold_expires_at AS hold_expires_at, bookings.approval_expires_at AS approval_expires_at, bookings.release_at AS release_at, bookings.party_size AS party_size, bookings.note AS note, bookings.held_from AS held_from, bookings.guest_confirmed_at AS guest_confirmed_at, bookings.contact_name AS contact_name, bookings.contact_phone AS contact_phone, bookings.price_lines AS price_lines, bookings.price_minor AS price_minor, bookings.price_sums AS price_sums, bookings.currency_code AS currency_code, bookings.terms AS terms, bookings.earliest_start AS earliest_start, bookings.was_confirmed AS was_confirmed, bookings.moves_id AS moves_id, bookings.coupon_id AS coupon_id, bookings.series_id AS series_id, bookings.original_starts_at AS original_starts_at, bookings.version AS version, bookings.link_version AS link_version, bookings.created_at AS created_at, bookings.updated_at AS updated_at 
FROM bookings 
WHERE bookings.tenant_id = $5::UUID AND true AND true AND true AND true AND (strpos(replace(bookings.reference, '-', ''), $4::VARCHAR) > 0 OR (SELECT strpos(customers.name_search, $1::VARCHAR) > 0 OR strpos(lower(customers.email), lower($2::VARCHAR)) > 0 OR strpos(customers.phone_search, $3::VARCHAR) > 0 AS anon_11 
FROM customers 
WHERE customers.tenant_id = bookings.tenant_id AND customers.id = bookings.customer_id)) AND NOT (SELECT anon_3.is_whole 
FROM anon_3) ORDER BY bookings.starts_at ASC, bookings.id ASC 
 LIMIT 20)) AS anon_12 ORDER BY anon_12.starts_at ASC, anon_12.id ASC 
 LIMIT 20) AS r1 LEFT OUTER JOIN customers AS r2 ON r2.id = r1.customer_id AND r2.tenant_id = $5::UUID) AS TEXT), 'UTF8') AS c0 
FROM t
