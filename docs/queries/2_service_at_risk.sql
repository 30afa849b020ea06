-- Where will customers find an empty shelf although we order, and what does it cost?
-- Lost demand is what the newest night expects not to serve from the arrival of its order to the next arrival.
SELECT
  r.location_id,
  r.item_id,
  i.name,
  r.on_hand,
  r.in_transit,
  r.units                                                         AS ordered,
  r.arrives_on,
  round(r.demand_in_window, 2)                                    AS demand_in_window,
  round(r.fill_rate, 3)                                           AS fill_rate,
  round(r.p_stockout, 3)                                          AS p_stockout,
  round(r.demand_in_window * (1 - r.fill_rate) * CAST(r.shortage_cost AS DOUBLE), 2) AS lost_money,
  r.binding
FROM order_reasons r
LEFT JOIN items i ON i.item_id = r.item_id
WHERE r.business_date = (SELECT max(business_date) FROM nights)
  AND r.fill_rate < 0.98
ORDER BY lost_money DESC, r.location_id, r.item_id, r.source_id
LIMIT 50
