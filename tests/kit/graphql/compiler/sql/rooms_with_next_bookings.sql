WITH t AS MATERIALIZED 
(SELECT set_config('app.tenant', CAST($2::UUID AS TEXT), true) AS set_config_1)
 SELECT convert_to(CAST((SELECT (SELECT row_to_json(o$) AS row_to_json_1 
FROM (SELECT coalesce(array_to_json(array_agg((SELECT row_to_json(o$) AS row_to_json_2 
FROM (SELECT encode(convert_to('Room:' || CAST(r1.id AS TEXT), 'UTF8'), 'base64') AS "id",
  r1.name AS "name",
  (SELECT (SELECT row_to_json(o$) AS row_to_json_3 
FROM (SELECT coalesce(array_to_json(((array_agg((SELECT row_to_json(o$) AS row_to_json_4 
FROM (SELECT encode(convert_to('Booking:' || CAST(r2.id AS TEXT), 'UTF8'), 'base64') AS "id",
  CASE WHEN (CAST(r2.starts_at AS TIMESTAMP(0) WITH TIME ZONE) = r2.starts_at) THEN replace(CAST(timezone('UTC', r2.starts_at) AS TEXT), ' ', 'T') || 'Z' ELSE to_char(timezone('UTC', r2.starts_at), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS "startsAt") AS o$) ORDER BY r2.starts_at, r2.id))[1:$1::BIGINT])), '[]'::json) AS "nodes",
  (SELECT row_to_json(o$) AS row_to_json_5 
FROM (SELECT count(r2.id) > $1::BIGINT AS "hasNextPage") AS o$) AS "pageInfo") AS o$) AS anon_2 
FROM (SELECT bookings.tenant_id AS tenant_id, bookings.id AS id, bookings.reference AS reference, bookings.room_id AS room_id, bookings.also_room_ids AS also_room_ids, bookings.space_ids AS space_ids, bookings.seat_numbers AS seat_numbers, bookings.customer_id AS customer_id, bookings.held_by_id AS held_by_id, bookings.status AS status, bookings.starts_at AS starts_at, bookings.ends_at AS ends_at, bookings.occupied AS occupied, bookings.hold_expires_at AS hold_expires_at, bookings.approval_expires_at AS approval_expires_at, bookings.release_at AS release_at, bookings.party_size AS party_size, bookings.note AS note, bookings.held_from AS held_from, bookings.guest_confirmed_at AS guest_confirmed_at, bookings.contact_name AS contact_name, bookings.contact_phone AS contact_phone, bookings.price_lines AS price_lines, bookings.price_minor AS price_minor, bookings.price_sums AS price_sums, bookings.currency_code AS currency_code, bookings.terms AS terms, bookings.earliest_start AS earliest_start, bookings.was_confirmed AS was_confirmed, bookings.moves_id AS moves_id, bookings.coupon_id AS coupon_id, bookings.series_id AS series_id, bookings.original_starts_at AS original_starts_at, bookings.version AS version, bookings.link_version AS link_version, bookings.created_at AS created_at, bookings.updated_at AS updated_at 
FROM bookings 
WHERE bookings.tenant_id = $2::UUID AND bookings.room_id = r1.id ORDER BY bookings.starts_at ASC, bookings.id ASC 
 LIMIT $1::BIGINT + 1) AS r2) AS "bookings") AS o$) ORDER BY r1.name_key, r1.id)), '[]'::json) AS "nodes") AS o$) AS anon_1 
FROM (SELECT rooms.tenant_id AS tenant_id, rooms.id AS id, rooms.name AS name, rooms.name_key AS name_key, rooms.description AS description, rooms.search AS search, rooms.category AS category, rooms.capacity AS capacity, rooms.color AS color, rooms.seats AS seats, rooms.buffer_before_minutes AS buffer_before_minutes, rooms.buffer_after_minutes AS buffer_after_minutes, rooms.hourly_rate_minor AS hourly_rate_minor, rooms.currency_code AS currency_code, rooms.part_ids AS part_ids, rooms.space_ids AS space_ids, rooms.archived_at AS archived_at, rooms.version AS version, rooms.created_at AS created_at 
FROM rooms 
WHERE rooms.tenant_id = $2::UUID ORDER BY rooms.name_key ASC, rooms.id ASC 
 LIMIT $3::BIGINT) AS r1) AS TEXT), 'UTF8') AS c0 
FROM t
