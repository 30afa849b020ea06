-- What has been ordered and has not arrived yet, by store?
-- The lines of all published nights whose goods are due on or after the newest night.
SELECT
  o.location_id,
  l.name                      AS store,
  count(DISTINCT o.order_id)  AS orders,
  count(*)                    AS lines,
  sum(o.units)                AS units,
  sum(o.order_value)          AS order_value,
  min(o.expected_on)          AS next_arrival,
  count(CASE WHEN o.status = 'needs_review' THEN 1 END) AS lines_to_review
FROM orders o
LEFT JOIN locations l ON l.location_id = o.location_id
WHERE o.expected_on >= (SELECT max(business_date) FROM nights)
GROUP BY o.location_id, l.name
ORDER BY order_value DESC, o.location_id
