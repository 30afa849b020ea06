-- Why do we order this much of it, or nothing at all?
-- The ten dearest lines of the newest night with the numbers behind them; for a line of yours, replace the last two
-- lines by, say: AND r.location_id = 'S003' AND r.item_id = 'P004'
SELECT
  r.location_id,
  r.item_id,
  i.name,
  r.units,
  r.on_hand,
  r.in_transit,
  round(r.demand_until_arrival, 2) AS demand_until_arrival,
  round(r.demand_in_window, 2)     AS demand_in_window,
  round(r.safety, 2)               AS safety,
  round(r.rounding, 2)             AS rounding,
  round(r.limited, 2)              AS limited,
  r.binding,
  r.expected_cost,
  r.cost_of_nothing,
  r.reason
FROM order_reasons r
LEFT JOIN items i ON i.item_id = r.item_id
WHERE r.business_date = (SELECT max(business_date) FROM nights)
ORDER BY r.expected_cost DESC, r.location_id, r.item_id, r.source_id
LIMIT 10
