WITH t AS MATERIALIZED 
(SELECT set_config('app.tenant', CAST($1::UUID AS TEXT), true) AS set_config_1)
 SELECT convert_to(CAST((SELECT (SELECT row_to_json(o$) AS row_to_json_1 
FROM (SELECT encode(convert_to('User:' || CAST(r1.id AS TEXT), 'UTF8'), 'base64') AS "id",
  r1.name AS "name",
  r1.email AS "email",
  r1.role AS "role",
  CASE WHEN (r2.id IS NOT NULL) THEN (SELECT row_to_json(o$) AS row_to_json_2 
FROM (SELECT r2.name AS "name") AS o$) END AS "tenant",
  CASE WHEN (r3.id IS NOT NULL) THEN (SELECT row_to_json(o$) AS row_to_json_3 
FROM (SELECT encode(convert_to('Customer:' || CAST(r3.id AS TEXT), 'UTF8'), 'base64') AS "id") AS o$) END AS "customer") AS o$) AS anon_1 
FROM (SELECT users.tenant_id AS tenant_id, users.id AS id, users.email AS email, users.email_key AS email_key, users.name AS name, users.role AS role, users.password_hash AS password_hash, users.phone AS phone, users.customer_id AS customer_id, users.email_verified_at AS email_verified_at, users.last_login_at AS last_login_at, users.deactivated_at AS deactivated_at, users.created_at AS created_at 
FROM users 
WHERE users.tenant_id = $1::UUID AND users.id = $2::UUID 
 LIMIT 1) AS r1 LEFT OUTER JOIN tenants AS r2 ON r2.id = r1.tenant_id LEFT OUTER JOIN customers AS r3 ON r3.id = r1.customer_id AND r3.tenant_id = $1::UUID) AS TEXT), 'UTF8') AS c0 
FROM t
