WITH t AS MATERIALIZED 
(SELECT set_config('app.tenant', CAST($1::UUID AS TEXT), true) AS set_config_1)
 SELECT convert_to(CAST((SELECT (SELECT row_to_json(o$) AS row_to_json_1 
FROM (SELECT coalesce(array_to_json(array_agg((SELECT row_to_json(o$) AS row_to_json_2 
FROM (SELECT r1.name AS "name",
  (SELECT tenants.time_zone 
FROM tenants 
WHERE tenants.id = $1::UUID) AS "timeZone",
  CASE WHEN (r1.hourly_rate_minor IS NOT NULL) THEN (SELECT row_to_json(o$) AS row_to_json_3 
FROM (SELECT CASE WHEN (r1.currency_code IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF')) THEN CAST(r1.hourly_rate_minor AS TEXT) WHEN (r1.currency_code IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND')) THEN CAST(r1.hourly_rate_minor * 0.001 AS TEXT) ELSE CAST(r1.hourly_rate_minor * 0.01 AS TEXT) END AS "amount",
  r1.currency_code AS "currencyCode") AS o$) END AS "hourlyRate") AS o$) ORDER BY r1.name_key, r1.id)), '[]'::json) AS "nodes") AS o$) AS anon_1 
FROM (SELECT rooms.tenant_id AS tenant_id, rooms.id AS id, rooms.name AS name, rooms.name_key AS name_key, rooms.description AS description, rooms.search AS search, rooms.category AS category, rooms.capacity AS capacity, rooms.color AS color, rooms.seats AS seats, rooms.buffer_before_minutes AS buffer_before_minutes, rooms.buffer_after_minutes AS buffer_after_minutes, rooms.hourly_rate_minor AS hourly_rate_minor, rooms.currency_code AS currency_code, rooms.part_ids AS part_ids, rooms.space_ids AS space_ids, rooms.archived_at AS archived_at, rooms.version AS version, rooms.created_at AS created_at 
FROM rooms 
WHERE rooms.tenant_id = $1::UUID AND rooms.archived_at IS NULL ORDER BY rooms.name_key ASC, rooms.id ASC 
 LIMIT 20) AS r1) AS TEXT), 'UTF8') AS c0 
FROM t
