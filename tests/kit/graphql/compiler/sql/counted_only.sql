WITH t AS MATERIALIZED 
(SELECT set_config('app.tenant', CAST($1::UUID AS TEXT), true) AS set_config_1)
 SELECT convert_to(CAST((SELECT row_to_json(o$) AS row_to_json_1 
FROM (SELECT (SELECT count(*) AS count_1 
FROM (SELECT 1 AS anon_2 
FROM bookings 
WHERE bookings.tenant_id = $1::UUID AND true AND true AND true AND true AND (bookings.status = 'held' AND NOT (bookings.status = 'held' AND bookings.hold_expires_at <= $2::TIMESTAMP WITH TIME ZONE) OR bookings.status = 'confirmed')) AS anon_1) AS "totalCount") AS o$) AS TEXT), 'UTF8') AS c0 
FROM t
