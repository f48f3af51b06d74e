WITH t AS MATERIALIZED 
(SELECT set_config('app.tenant', CAST($2::UUID AS TEXT), true) AS set_config_1)
 SELECT convert_to(CAST((SELECT (SELECT row_to_json(o$) AS row_to_json_1 
FROM (SELECT coalesce(array_to_json(array_agg((SELECT row_to_json(o$) AS row_to_json_2 
FROM (SELECT encode(convert_to('Booking:' || CAST(r1.id AS TEXT), 'UTF8'), 'base64') AS "id",
  r1.reference AS "reference",
  upper(CASE WHEN (r1.status = 'held' AND r1.hold_expires_at <= $1::TIMESTAMP WITH TIME ZONE) THEN 'expired' ELSE r1.status END) AS "status",
  CASE WHEN (CAST(r1.starts_at AS TIMESTAMP(0) WITH TIME ZONE) = r1.starts_at) THEN replace(CAST(timezone('UTC', r1.starts_at) AS TEXT), ' ', 'T') || 'Z' ELSE to_char(timezone('UTC', r1.starts_at), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS "startsAt",
  CASE WHEN (CAST(r1.ends_at AS TIMESTAMP(0) WITH TIME ZONE) = r1.ends_at) THEN replace(CAST(timezone('UTC', r1.ends_at) AS TEXT), ' ', 'T') || 'Z' ELSE to_char(timezone('UTC', r1.ends_at), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS "endsAt",
  r1.party_size AS "partySize",
  CASE WHEN (r2.id IS NOT NULL) THEN (SELECT row_to_json(o$) AS row_to_json_3 
FROM (SELECT r2.name AS "name",
  r2.color AS "color") AS o$) END AS "room",
  CASE WHEN (r3.id IS NOT NULL) THEN (SELECT row_to_json(o$) AS row_to_json_4 
FROM (SELECT r3.name AS "name",
  r3.email AS "email") AS o$) END AS "customer") AS o$) ORDER BY r1.starts_at, r1.id)), '[]'::json) AS "nodes") AS o$) AS anon_1 
FROM (SELECT bookings.tenant_id AS tenant_id, bookings.id AS id, bookings.reference AS reference, bookings.room_id AS room_id, bookings.also_room_ids AS also_room_ids, bookings.space_ids AS space_ids, bookings.seat_numbers AS seat_numbers, bookings.customer_id AS customer_id, bookings.held_by_id AS held_by_id, bookings.status AS status, bookings.starts_at AS starts_at, bookings.ends_at AS ends_at, bookings.occupied AS occupied, bookings.hold_expires_at AS hold_expires_at, bookings.approval_expires_at AS approval_expires_at, bookings.release_at AS release_at, bookings.party_size AS party_size, bookings.note AS note, bookings.held_from AS held_from, bookings.guest_confirmed_at AS guest_confirmed_at, bookings.contact_name AS contact_name, bookings.contact_phone AS contact_phone, bookings.price_lines AS price_lines, bookings.price_minor AS price_minor, bookings.price_sums AS price_sums, bookings.currency_code AS currency_code, bookings.terms AS terms, bookings.earliest_start AS earliest_start, bookings.was_confirmed AS was_confirmed, bookings.moves_id AS moves_id, bookings.coupon_id AS coupon_id, bookings.series_id AS series_id, bookings.original_starts_at AS original_starts_at, bookings.version AS version, bookings.link_version AS link_version, bookings.created_at AS created_at, bookings.updated_at AS updated_at 
FROM bookings 
WHERE bookings.tenant_id = $2::UUID AND bookings.starts_at < $3::TIMESTAMP WITH TIME ZONE AND bookings.ends_at > $4::TIMESTAMP WITH TIME ZONE AND bookings.starts_at > $4::TIMESTAMP WITH TIME ZONE - (SELECT tenants.longest_minutes 
FROM tenants 
WHERE tenants.id = $2::UUID) * interval '1 minute' AND true AND true AND true ORDER BY bookings.starts_at ASC, bookings.id ASC 
 LIMIT $5::BIGINT) AS r1 LEFT OUTER JOIN rooms AS r2 ON r2.id = r1.room_id AND r2.tenant_id = $2::UUID LEFT OUTER JOIN customers AS r3 ON r3.id = r1.customer_id AND r3.tenant_id = $2::UUID) AS TEXT), 'UTF8') AS c0 
FROM t
