WITH t AS MATERIALIZED 
(SELECT set_config('app.tenant', CAST($2::UUID AS TEXT), true) AS set_config_1)
 SELECT convert_to(CAST((SELECT (SELECT row_to_json(o$) AS row_to_json_1 
FROM (SELECT CAST('Booking' AS TEXT) AS "__typename",
  encode(convert_to('Booking:' || CAST(r1.id AS TEXT), 'UTF8'), 'base64') AS "id",
  r1.reference AS "reference",
  r1.version AS "version",
  upper(CASE WHEN (r1.status = 'held' AND r1.hold_expires_at <= $1::TIMESTAMP WITH TIME ZONE) THEN 'expired' ELSE r1.status END) AS "status",
  r1.party_size AS "partySize",
  r1.note AS "note",
  CASE WHEN (CAST(r1.hold_expires_at AS TIMESTAMP(0) WITH TIME ZONE) = r1.hold_expires_at) THEN replace(CAST(timezone('UTC', r1.hold_expires_at) AS TEXT), ' ', 'T') || 'Z' ELSE to_char(timezone('UTC', r1.hold_expires_at), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS "holdExpiresAt",
  CASE WHEN (CAST(r1.created_at AS TIMESTAMP(0) WITH TIME ZONE) = r1.created_at) THEN replace(CAST(timezone('UTC', r1.created_at) AS TEXT), ' ', 'T') || 'Z' ELSE to_char(timezone('UTC', r1.created_at), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS "createdAt",
  CASE WHEN (CAST(r1.updated_at AS TIMESTAMP(0) WITH TIME ZONE) = r1.updated_at) THEN replace(CAST(timezone('UTC', r1.updated_at) AS TEXT), ' ', 'T') || 'Z' ELSE to_char(timezone('UTC', r1.updated_at), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS "updatedAt",
  (SELECT row_to_json(o$) AS row_to_json_2 
FROM (SELECT (SELECT tenants.time_zone 
FROM tenants 
WHERE tenants.id = $2::UUID) AS "timeZone",
  to_char(timezone('UTC', r1.starts_at) + CAST((SELECT array_cat(zone_clocks.offsets, CAST('{}' AS TEXT[])) AS array_cat_1 
FROM zone_clocks 
WHERE zone_clocks.release = 'the installed release' AND zone_clocks.name = (SELECT tenants.time_zone 
FROM tenants 
WHERE tenants.id = $2::UUID))[(width_bucket(r1.starts_at, (SELECT array_cat(zone_clocks.changes, CAST('{}' AS TIMESTAMP WITH TIME ZONE[])) AS array_cat_2 
FROM zone_clocks 
WHERE zone_clocks.release = 'the installed release' AND zone_clocks.name = (SELECT tenants.time_zone 
FROM tenants 
WHERE tenants.id = $2::UUID))) + 1)] AS INTERVAL), 'YYYY-MM-DD"T"HH24:MI') AS "start",
  to_char(timezone('UTC', r1.ends_at) + CAST((SELECT array_cat(zone_clocks.offsets, CAST('{}' AS TEXT[])) AS array_cat_3 
FROM zone_clocks 
WHERE zone_clocks.release = 'the installed release' AND zone_clocks.name = (SELECT tenants.time_zone 
FROM tenants 
WHERE tenants.id = $2::UUID))[(width_bucket(r1.ends_at, (SELECT array_cat(zone_clocks.changes, CAST('{}' AS TIMESTAMP WITH TIME ZONE[])) AS array_cat_4 
FROM zone_clocks 
WHERE zone_clocks.release = 'the installed release' AND zone_clocks.name = (SELECT tenants.time_zone 
FROM tenants 
WHERE tenants.id = $2::UUID))) + 1)] AS INTERVAL), 'YYYY-MM-DD"T"HH24:MI') AS "end",
  (SELECT array_cat(zone_clocks.offsets, CAST('{}' AS TEXT[])) AS array_cat_5 
FROM zone_clocks 
WHERE zone_clocks.release = 'the installed release' AND zone_clocks.name = (SELECT tenants.time_zone 
FROM tenants 
WHERE tenants.id = $2::UUID))[(width_bucket(r1.starts_at, (SELECT array_cat(zone_clocks.changes, CAST('{}' AS TIMESTAMP WITH TIME ZONE[])) AS array_cat_6 
FROM zone_clocks 
WHERE zone_clocks.release = 'the installed release' AND zone_clocks.name = (SELECT tenants.time_zone 
FROM tenants 
WHERE tenants.id = $2::UUID))) + 1)] AS "utcOffsetStart",
  (SELECT array_cat(zone_clocks.offsets, CAST('{}' AS TEXT[])) AS array_cat_7 
FROM zone_clocks 
WHERE zone_clocks.release = 'the installed release' AND zone_clocks.name = (SELECT tenants.time_zone 
FROM tenants 
WHERE tenants.id = $2::UUID))[(width_bucket(r1.ends_at, (SELECT array_cat(zone_clocks.changes, CAST('{}' AS TIMESTAMP WITH TIME ZONE[])) AS array_cat_8 
FROM zone_clocks 
WHERE zone_clocks.release = 'the installed release' AND zone_clocks.name = (SELECT tenants.time_zone 
FROM tenants 
WHERE tenants.id = $2::UUID))) + 1)] AS "utcOffsetEnd") AS o$) AS "local",
  CASE WHEN (r1.price_lines IS NOT NULL AND r1.price_minor IS NOT NULL) THEN (SELECT row_to_json(o$) AS row_to_json_3 
FROM (SELECT (SELECT coalesce(array_to_json(array_agg((SELECT row_to_json(o$) AS row_to_json_4 
FROM (SELECT CAST(anon_2.line ->> 'label' AS TEXT) AS "label",
  CASE WHEN (CAST(CASE WHEN (CAST(anon_2.line ->> 'start' AS TEXT) IS NOT NULL AND CAST(anon_2.line ->> 'end' AS TEXT) IS NOT NULL) THEN CAST(CAST(anon_2.line ->> 'start' AS TEXT) AS TIMESTAMP WITH TIME ZONE) END AS TIMESTAMP(0) WITH TIME ZONE) = CASE WHEN (CAST(anon_2.line ->> 'start' AS TEXT) IS NOT NULL AND CAST(anon_2.line ->> 'end' AS TEXT) IS NOT NULL) THEN CAST(CAST(anon_2.line ->> 'start' AS TEXT) AS TIMESTAMP WITH TIME ZONE) END) THEN replace(CAST(timezone('UTC', CASE WHEN (CAST(anon_2.line ->> 'start' AS TEXT) IS NOT NULL AND CAST(anon_2.line ->> 'end' AS TEXT) IS NOT NULL) THEN CAST(CAST(anon_2.line ->> 'start' AS TEXT) AS TIMESTAMP WITH TIME ZONE) END) AS TEXT), ' ', 'T') || 'Z' ELSE to_char(timezone('UTC', CASE WHEN (CAST(anon_2.line ->> 'start' AS TEXT) IS NOT NULL AND CAST(anon_2.line ->> 'end' AS TEXT) IS NOT NULL) THEN CAST(CAST(anon_2.line ->> 'start' AS TEXT) AS TIMESTAMP WITH TIME ZONE) END), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS "startsAt",
  CASE WHEN (CAST(CASE WHEN (CAST(anon_2.line ->> 'start' AS TEXT) IS NOT NULL AND CAST(anon_2.line ->> 'end' AS TEXT) IS NOT NULL) THEN CAST(CAST(anon_2.line ->> 'end' AS TEXT) AS TIMESTAMP WITH TIME ZONE) END AS TIMESTAMP(0) WITH TIME ZONE) = CASE WHEN (CAST(anon_2.line ->> 'start' AS TEXT) IS NOT NULL AND CAST(anon_2.line ->> 'end' AS TEXT) IS NOT NULL) THEN CAST(CAST(anon_2.line ->> 'end' AS TEXT) AS TIMESTAMP WITH TIME ZONE) END) THEN replace(CAST(timezone('UTC', CASE WHEN (CAST(anon_2.line ->> 'start' AS TEXT) IS NOT NULL AND CAST(anon_2.line ->> 'end' AS TEXT) IS NOT NULL) THEN CAST(CAST(anon_2.line ->> 'end' AS TEXT) AS TIMESTAMP WITH TIME ZONE) END) AS TEXT), ' ', 'T') || 'Z' ELSE to_char(timezone('UTC', CASE WHEN (CAST(anon_2.line ->> 'start' AS TEXT) IS NOT NULL AND CAST(anon_2.line ->> 'end' AS TEXT) IS NOT NULL) THEN CAST(CAST(anon_2.line ->> 'end' AS TEXT) AS TIMESTAMP WITH TIME ZONE) END), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS "endsAt",
  CAST(CAST(anon_2.line ->> 'minutes' AS TEXT) AS INTEGER) AS "minutes",
  CASE WHEN (CAST(CAST(anon_2.line ->> 'amount_minor' AS TEXT) AS BIGINT) IS NOT NULL) THEN (SELECT row_to_json(o$) AS row_to_json_5 
FROM (SELECT CASE WHEN (r1.currency_code IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF')) THEN CAST(CAST(CAST(anon_2.line ->> 'amount_minor' AS TEXT) AS BIGINT) AS TEXT) WHEN (r1.currency_code IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND')) THEN CAST(CAST(CAST(anon_2.line ->> 'amount_minor' AS TEXT) AS BIGINT) * 0.001 AS TEXT) ELSE CAST(CAST(CAST(anon_2.line ->> 'amount_minor' AS TEXT) AS BIGINT) * 0.01 AS TEXT) END AS "amount",
  r1.currency_code AS "currencyCode") AS o$) END AS "amount") AS o$) ORDER BY anon_2.n)), '[]'::json) AS coalesce_1 
FROM jsonb_array_elements(r1.price_lines) WITH ORDINALITY AS anon_2(line, n)) AS "lines",
  CASE WHEN (coalesce(CAST(CAST(r1.price_sums ->> 'subtotal_minor' AS TEXT) AS BIGINT), r1.price_minor) IS NOT NULL) THEN (SELECT row_to_json(o$) AS row_to_json_6 
FROM (SELECT CASE WHEN (r1.currency_code IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF')) THEN CAST(coalesce(CAST(CAST(r1.price_sums ->> 'subtotal_minor' AS TEXT) AS BIGINT), r1.price_minor) AS TEXT) WHEN (r1.currency_code IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND')) THEN CAST(coalesce(CAST(CAST(r1.price_sums ->> 'subtotal_minor' AS TEXT) AS BIGINT), r1.price_minor) * 0.001 AS TEXT) ELSE CAST(coalesce(CAST(CAST(r1.price_sums ->> 'subtotal_minor' AS TEXT) AS BIGINT), r1.price_minor) * 0.01 AS TEXT) END AS "amount") AS o$) END AS "subtotal",
  CASE WHEN (r1.price_minor IS NOT NULL) THEN (SELECT row_to_json(o$) AS row_to_json_7 
FROM (SELECT CASE WHEN (r1.currency_code IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF')) THEN CAST(r1.price_minor AS TEXT) WHEN (r1.currency_code IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND')) THEN CAST(r1.price_minor * 0.001 AS TEXT) ELSE CAST(r1.price_minor * 0.01 AS TEXT) END AS "amount") AS o$) END AS "total") AS o$) END AS "price") AS o$) AS anon_1 
FROM (SELECT bookings.tenant_id AS tenant_id, bookings.id AS id, bookings.reference AS reference, bookings.room_id AS room_id, bookings.also_room_ids AS also_room_ids, bookings.space_ids AS space_ids, bookings.seat_numbers AS seat_numbers, bookings.customer_id AS customer_id, bookings.held_by_id AS held_by_id, bookings.status AS status, bookings.starts_at AS starts_at, bookings.ends_at AS ends_at, bookings.occupied AS occupied, bookings.hold_expires_at AS hold_expires_at, bookings.approval_expires_at AS approval_expires_at, bookings.release_at AS release_at, bookings.party_size AS party_size, bookings.note AS note, bookings.held_from AS held_from, bookings.guest_confirmed_at AS guest_confirmed_at, bookings.contact_name AS contact_name, bookings.contact_phone AS contact_phone, bookings.price_lines AS price_lines, bookings.price_minor AS price_minor, bookings.price_sums AS price_sums, bookings.currency_code AS currency_code, bookings.terms AS terms, bookings.earliest_start AS earliest_start, bookings.was_confirmed AS was_confirmed, bookings.moves_id AS moves_id, bookings.coupon_id AS coupon_id, bookings.series_id AS series_id, bookings.original_starts_at AS original_starts_at, bookings.version AS version, bookings.link_version AS link_version, bookings.created_at AS created_at, bookings.updated_at AS updated_at 
FROM bookings 
WHERE bookings.tenant_id = $2::UUID AND bookings.id = $3::UUID 
 LIMIT 1) AS r1) AS TEXT), 'UTF8') AS c0 
FROM t
