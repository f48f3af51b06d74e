WITH t AS MATERIALIZED 
(SELECT set_config('app.tenant', CAST($1::UUID AS TEXT), true) AS set_config_1)
 SELECT convert_to(CAST((SELECT (SELECT row_to_json(o$) AS row_to_json_1 
FROM (SELECT coalesce(array_to_json(array_agg((SELECT row_to_json(o$) AS row_to_json_2 
FROM (SELECT encode(convert_to('Customer:' || CAST(r1.id AS TEXT), 'UTF8'), 'base64') AS "id",
  r1.name AS "name",
  r1.email AS "email",
  r1.notes AS "notes") AS o$) ORDER BY r1.name_key, r1.id)), '[]'::json) AS "nodes") AS o$) AS anon_1 
FROM (SELECT customers.tenant_id AS tenant_id, customers.id AS id, customers.name AS name, customers.name_key AS name_key, customers.name_search AS name_search, customers.email AS email, customers.email_key AS email_key, customers.phone AS phone, customers.phone_search AS phone_search, customers.locale AS locale, customers.notes AS notes, customers.tags AS tags, customers.version AS version, customers.created_at AS created_at 
FROM customers 
WHERE customers.tenant_id = $1::UUID AND customers.email_key = $2::VARCHAR AND customers.phone_search = $3::VARCHAR ORDER BY customers.name_key ASC, customers.id ASC 
 LIMIT 20) AS r1) AS TEXT), 'UTF8') AS c0 
FROM t
