WITH t AS MATERIALIZED 
(SELECT set_config('app.tenant', CAST($1::UUID AS TEXT), true) AS set_config_1)
 SELECT convert_to(CAST((SELECT (SELECT row_to_json(o$) AS row_to_json_1 
FROM (SELECT r1.name AS "name",
  r1.time_zone AS "timeZone",
  (SELECT row_to_json(o$) AS row_to_json_2 
FROM (SELECT r1.slot_minutes AS "slotMinutes",
  r1.hold_minutes AS "holdMinutes") AS o$) AS "settings",
  r1.version AS "version") AS o$) AS anon_1 
FROM (SELECT tenants.id AS id, tenants.name AS name, tenants.subdomain AS subdomain, tenants.time_zone AS time_zone, tenants.currency_code AS currency_code, tenants.brand_color AS brand_color, tenants.logo_url AS logo_url, tenants.plan_code AS plan_code, tenants.slot_minutes AS slot_minutes, tenants.min_notice_minutes AS min_notice_minutes, tenants.max_advance_days AS max_advance_days, tenants.min_duration_minutes AS min_duration_minutes, tenants.max_duration_minutes AS max_duration_minutes, tenants.longest_minutes AS longest_minutes, tenants.hold_minutes AS hold_minutes, tenants.requires_confirmation AS requires_confirmation, tenants.approval_hours AS approval_hours, tenants.check_in_from_minutes AS check_in_from_minutes, tenants.auto_release_minutes AS auto_release_minutes, tenants.early_end_price AS early_end_price, tenants.max_open_holds AS max_open_holds, tenants.allows_guest_booking AS allows_guest_booking, tenants.requires_guest_proof AS requires_guest_proof, tenants.change_minutes_before AS change_minutes_before, tenants.reconfirms_changes AS reconfirms_changes, tenants.waitlist_priority_tag AS waitlist_priority_tag, tenants.payment_policy AS payment_policy, tenants.payment_percent AS payment_percent, tenants.payment_amount_minor AS payment_amount_minor, tenants.cancellation_steps AS cancellation_steps, tenants.price_rounding AS price_rounding, tenants.price_step_minor AS price_step_minor, tenants.minimum_charge_minor AS minimum_charge_minor, tenants.tax_thousandths AS tax_thousandths, tenants.taxes_included AS taxes_included, tenants.cancellation_fees_due AS cancellation_fees_due, tenants.no_show_fee_percent AS no_show_fee_percent, tenants.min_change_notice_minutes AS min_change_notice_minutes, tenants.allows_assistant AS allows_assistant, tenants.version AS version, tenants.calendar_version AS calendar_version, tenants.created_at AS created_at 
FROM tenants 
WHERE tenants.id = $1::UUID 
 LIMIT 1) AS r1) AS TEXT), 'UTF8') AS c0 
FROM t
