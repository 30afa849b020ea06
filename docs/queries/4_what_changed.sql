-- What do we order tonight that we did not order the night before, or the other way round?
-- The two newest published nights, line by line, the largest changes of value first.
WITH two AS (
  SELECT max(business_date) AS tonight,
         max(CASE WHEN business_date < (SELECT max(business_date) FROM nights) THEN business_date END) AS before
  FROM nights
),
tonight AS (SELECT o.* FROM orders o JOIN two ON o.business_date = two.tonight),
earlier AS (SELECT o.* FROM orders o JOIN two ON o.business_date = two.before)
SELECT
  coalesce(t.location_id, e.location_id) AS location_id,
  coalesce(t.item_id, e.item_id)         AS item_id,
  coalesce(t.source_id, e.source_id)     AS source_id,
  coalesce(e.units, 0)                   AS units_before,
  coalesce(t.units, 0)                   AS units_tonight,
  coalesce(t.order_value, 0) - coalesce(e.order_value, 0) AS value_change
FROM tonight t
FULL OUTER JOIN earlier e
  ON e.item_id = t.item_id AND e.location_id = t.location_id AND e.source_id = t.source_id
WHERE coalesce(t.units, 0) <> coalesce(e.units, 0)
ORDER BY abs(coalesce(t.order_value, 0) - coalesce(e.order_value, 0)) DESC, location_id, item_id, source_id
LIMIT 50
