-- How good were the forecasts, by department and by periods ahead?
-- wape: error of the median forecast as a share of demand; bias: mean forecast against demand; covered_80: how often
-- demand lay within the 80% interval (0.8 is right). Only periods in stock throughout count.
SELECT
  a.department,
  a.step                                                    AS periods_ahead,
  CAST(sum(a.series) AS BIGINT)                             AS series_periods,
  round(sum(a.actual), 1)                                   AS demand,
  round(sum(a.absolute_error) / nullif(sum(a.actual), 0), 3) AS wape,
  round(sum(a.forecast) / nullif(sum(a.actual), 0) - 1, 3)  AS bias,
  round(CAST(sum(a.covered_80) AS DOUBLE) / nullif(sum(a.series), 0), 3) AS covered_80
FROM accuracy a
GROUP BY a.department, a.step
ORDER BY a.department, a.step
