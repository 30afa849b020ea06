"""Rules that every order keeps, as SQL over the published tables and the masters that the night saw.

Each query names what breaks its rule, a row each with one text. Tables: orders, reasons, prices, certificates, exceptions (of one
run); lanes, capacities, assortment, overrides, locations, inbound (as the night sees them); night (business_date, period_days, lead).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

#: Orders with the terms of their lanes: the item's row over the lane's, column by column.
_TERMS = """
    CREATE TEMP VIEW terms AS
    SELECT o.*, coalesce(own.order_multiple, wide.order_multiple, 1) AS multiple,
        coalesce(own.min_order_units, wide.min_order_units, 0) AS least,
        coalesce(own.lead_time_days, wide.lead_time_days, night.lead) AS days,
        night.period_days, lower(replace(coalesce(own.order_days, wide.order_days, ''), ' ', '')) AS order_days,
        own.source_id IS NOT NULL OR wide.source_id IS NOT NULL OR NOT EXISTS (FROM lanes) AS has_lane,
        o.order_id || ' line ' || o.line || ' (' || o.item_id || ' from ' || o.source_id || ' to ' || o.location_id || ')' AS name
    FROM orders o CROSS JOIN night
    LEFT JOIN lanes own ON own.item_id = o.item_id AND own.source_id = o.source_id AND own.location_id = o.location_id
    LEFT JOIN lanes wide ON wide.item_id IS NULL AND wide.source_id = o.source_id AND wide.location_id = o.location_id
"""
#: What orders take of each capacity that holds tonight, and what is left of it: budgets pay for purchases only; receiving counts
#: by day of arrival, less what is under way for that day.
_TAKEN = """
    CREATE TEMP VIEW taken AS
    WITH measured AS (
        SELECT o.item_id, o.source_id, o.location_id, o.expected_on, o.units::double AS units, o.order_value::double AS value,
            o.units::double * coalesce(i.unit_volume, 0)::double AS volume,
            coalesce(l.kind IN ('store', 'online', 'dc'), false) AS own
        FROM orders o LEFT JOIN items i USING (item_id) LEFT JOIN locations l ON l.location_id = o.source_id
    ), limits AS (
        SELECT c.*, c."limit"::double AS most, night.period_days::int AS length, c.resource = 'receiving' AS arriving,
            c.resource IN ('dc_stock', 'dc_outbound') AS leaving
        FROM capacities c CROSS JOIN night
        WHERE c.resource = 'receiving' OR c.date IS NULL
            OR (c.date >= night.business_date AND c.date < night.business_date + night.period_days::int)
    ), used AS (
        SELECT c.resource, c.location_id, c.item_id, c.unit, c.most, c.length, CASE WHEN arriving THEN m.expected_on END AS on_day,
            sum(CASE WHEN c.resource = 'budget' THEN CASE WHEN m.own THEN 0 ELSE m.value END
                WHEN c.unit = 'units' THEN m.units WHEN c.unit = 'volume' THEN m.volume ELSE m.value END) AS used
        FROM limits c JOIN measured m ON (c.item_id IS NULL OR c.item_id = m.item_id)
            AND (c.location_id IS NULL OR c.location_id = CASE WHEN leaving THEN m.source_id ELSE m.location_id END)
            AND (NOT arriving OR c.date IS NULL OR (c.date >= m.expected_on AND c.date < m.expected_on + c.length))
        GROUP BY ALL
    )
    SELECT u.*, greatest(u.most - coalesce((
            SELECT sum(CASE u.unit WHEN 'units' THEN w.units WHEN 'volume' THEN w.volume ELSE w.value END) FROM under_way w
            WHERE (u.location_id IS NULL OR u.location_id = w.location_id) AND (u.item_id IS NULL OR u.item_id = w.item_id)
                AND w.date >= u.on_day AND w.date < u.on_day + u.length
        ), 0), 0) AS free
    FROM used u WHERE u.used > 0
"""
#: Published numbers have four decimals: sums of them may be off by a cent.
RULES: dict[str, str] = {
    "no_lane": "SELECT name FROM terms WHERE NOT has_lane",
    "not_a_multiple": """
        SELECT name || ': ' || units || ' is no multiple of ' || multiple FROM terms
        WHERE abs(units::double / multiple::double - round(units::double / multiple::double)) > 1e-6 OR order_multiple <> multiple""",
    "below_min_order_units": "SELECT name || ': ' || units || ', at least ' || least FROM terms WHERE units < least",
    "above_max_stock": """
        SELECT o.name || ': stock of ' || r.on_hand || ' and ' || r.in_transit || ' under way, at most ' || r.max_stock
        FROM terms o JOIN reasons r USING (item_id, source_id, location_id)
        WHERE (r.on_hand + r.in_transit + o.units)::double - r.demand_until_arrival > r.max_stock::double + 1e-3""",
    "too_early": """
        SELECT name || ': expected on ' || expected_on || ', lead time ' || days FROM terms
        WHERE order_days NOT LIKE '%:%' AND expected_on < business_date + days::int""",
    "no_order_day": """
        SELECT name || ': ordered on ' || dayname(business_date) || ', order days are ' || order_days FROM terms
        WHERE period_days = 1 AND order_days <> '' AND NOT contains(order_days, lower(dayname(business_date)[:3]))""",
    "ordered_twice": """
        SELECT item_id || ' for ' || location_id || ' from ' || string_agg(source_id, ', ' ORDER BY source_id) FROM orders
        GROUP BY item_id, location_id HAVING count(*) > 1""",
    "below_order_minimum": """
        SELECT o.source_id || ' to ' || o.location_id || ': ' || sum(o.order_value) || ', at least ' || any_value(w.min_order_value)
        FROM orders o JOIN lanes w ON w.item_id IS NULL AND w.source_id = o.source_id AND w.location_id = o.location_id
        GROUP BY o.source_id, o.location_id HAVING sum(o.order_value) < any_value(w.min_order_value) - 0.01""",
    "above_capacity": """
        SELECT resource || ' of ' || coalesce(location_id, 'all') || coalesce(' on ' || on_day, '') || ': ' || round(used, 4) || ' '
            || unit || ', at most ' || free
        FROM taken WHERE used > free * (1 + 1e-6) + 0.01""",
    "above_stock": """
        SELECT p.location_id || ', ' || p.item_id || ': ' || sum(o.units) || ' and ' || p.kept || ' kept, at most ' || p."limit"
        FROM (SELECT * REPLACE (coalesce(kept, 0) AS kept) FROM prices) p
        JOIN orders o ON o.source_id = p.location_id AND o.item_id = p.item_id
        WHERE p.resource = 'dc_stock' AND p.unit = 'units'
        GROUP BY p.location_id, p.item_id, p."limit", p.kept HAVING sum(o.units)::double + p.kept > p."limit" + 1e-3""",
    "reasons_differ": """
        SELECT coalesce(o.item_id, r.item_id) || ' to ' || coalesce(o.location_id, r.location_id) || ': ordered '
            || coalesce(o.units, 0) || ', reason says ' || coalesce(r.units, 0)
        FROM orders o FULL JOIN (FROM reasons WHERE units > 0) r USING (item_id, source_id, location_id)
        WHERE o.units IS DISTINCT FROM r.units OR o.expected_cost IS DISTINCT FROM r.expected_cost
            OR o.expected_on IS DISTINCT FROM r.arrives_on""",
    "stock_ages_differ": """
        SELECT DISTINCT r.item_id || ' at ' || r.location_id || ': ' || r.on_hand || ' on hand, '
            || coalesce(list_sum(r.batch_units)::varchar, 'none') || ' of them in batches that may still be sold'
        FROM reasons r JOIN items i USING (item_id) CROSS JOIN night
        WHERE i.shelf_life_days IS NOT NULL AND r.on_hand > 0
            AND (abs(coalesce(list_sum(r.batch_units), 0) - r.on_hand::double) > 1e-3
                OR coalesce(list_min(r.batch_expires_on) < night.business_date, true))""",
    "lock_not_kept": """
        SELECT v.item_id || ' to ' || v.location_id || ': locked ' || v.units || ', ordered ' || coalesce(o.units, 0)
        FROM overrides v JOIN night USING (business_date)
        JOIN reasons r ON r.item_id = v.item_id AND r.location_id = v.location_id AND contains(r.binding, 'override')
        LEFT JOIN orders o ON o.item_id = v.item_id AND o.location_id = v.location_id
        WHERE abs(coalesce(o.units, 0) - v.units) >= r.order_multiple AND NOT EXISTS (
            FROM exceptions e WHERE e.kind = 'conflicting_limits' AND e.item_id = v.item_id AND e.location_id = v.location_id)""",
    "bound_above_cost": """
        SELECT source_id || ': bound ' || lower_bound || ', cost ' || cost || ', gap ' || gap FROM certificates
        WHERE lower_bound > cost OR abs(gap - (cost - lower_bound) / greatest(abs(cost), 1e-9)) > 1e-9
            OR NOT isfinite(cost) OR NOT isfinite(lower_bound)""",
    # Where orders have terms the plan's cost is more than that of its lines.
    "cost_differs": """
        SELECT 'certificate ' || c.cost || ', lines ' || l.cost || ', kept ' || coalesce(c.kept_cost, 0) FROM certificates c
        CROSS JOIN (SELECT coalesce(sum(expected_cost), 0)::double AS cost FROM reasons WHERE NOT contains(binding, 'another_lane')) l
        WHERE c.source_id = '*' AND abs(c.cost - coalesce(c.kept_cost, 0) - l.cost) > 1e-4 * (1 + c.lines)
            AND NOT EXISTS (FROM lanes WHERE min_order_value > 0 OR order_cost > 0 OR truck_cost > 0)""",
    # Of pools with a limit the published bounds; lines of others are their own bound.
    "bound_not_added_up": """
        WITH parts AS (
            SELECT location_id AS source_id, lower_bound AS bound FROM prices WHERE lower_bound IS NOT NULL
            UNION ALL
            SELECT r.source_id, r.expected_cost::double FROM reasons r
            ANTI JOIN prices p ON p.resource = 'dc_stock' AND p.location_id = r.source_id AND p.item_id = r.item_id
            WHERE NOT contains(r.binding, 'another_lane')
        ), added AS (SELECT coalesce(source_id, '*') AS source_id, sum(bound) AS bound FROM parts GROUP BY ROLLUP (source_id))
        SELECT source_id || ': lower bound ' || c.lower_bound || ', of its pools ' || round(a.bound, 4)
        FROM certificates c JOIN added a USING (source_id)
        WHERE abs(c.lower_bound - a.bound) > 1e-4 * (1 + c.lines) AND NOT EXISTS (FROM prices WHERE lower_bound IS NULL)
            AND NOT EXISTS (FROM certificates WHERE location_id <> '*')
            AND NOT EXISTS (FROM lanes WHERE min_order_value > 0 OR order_cost > 0 OR truck_cost > 0)""",
    "pool_costs_differ": """
        SELECT p.item_id || ' of ' || p.location_id || ': pool ' || p.cost || ', lines ' || sum(r.expected_cost) || ', kept ' || p.kept_cost
        FROM (SELECT * REPLACE (coalesce(kept_cost, 0) AS kept_cost) FROM prices) p
        JOIN reasons r ON r.source_id = p.location_id AND r.item_id = p.item_id
        WHERE p.cost IS NOT NULL AND NOT contains(r.binding, 'another_lane')
        GROUP BY p.item_id, p.location_id, p.cost, p.lower_bound, p.kept_cost
        HAVING abs(p.cost - p.kept_cost - sum(r.expected_cost)::double) > 1e-4 * (1 + count(*)) OR p.lower_bound > p.cost + 1e-6""",
    "list_differs": """
        SELECT item_id || ' from ' || source_id || ' to ' || location_id || ': cost ' || expected_cost || ', in its list '
            || costs[1 + round(units::double / order_multiple::double)::int]
        FROM reasons WHERE abs(expected_cost::double - costs[1 + round(units::double / order_multiple::double)::int]) > 1e-3""",
    # Of what centres keep: the entry of its list, added up.
    "kept_cost_differs": """
        WITH stays AS (
            SELECT location_id AS source_id, coalesce(kept_costs[1 + round(coalesce(kept, 0) / kept_multiple)::int], 0) AS cost, kept_cost
            FROM prices WHERE kept_costs IS NOT NULL
        ), added AS (SELECT coalesce(source_id, '*') AS source_id, sum(cost) AS cost FROM stays GROUP BY ROLLUP (source_id))
        SELECT c.source_id || ': kept ' || coalesce(c.kept_cost, 0) || ', of its lists ' || coalesce(a.cost, 0)
        FROM certificates c LEFT JOIN added a USING (source_id)
        WHERE c.location_id IN ('*', c.source_id) AND abs(coalesce(c.kept_cost, 0) - coalesce(a.cost, 0)) > 1e-4 * (1 + abs(c.cost))
        UNION ALL
        SELECT source_id || ': kept ' || kept_cost || ', in its list ' || cost FROM stays WHERE abs(kept_cost - cost) > 1e-3""",
    # Where a night was decided as a whole: an order costs what its lines do, and what its terms make of it.
    "order_costs_differ": """
        WITH placed AS (
            SELECT o.source_id, o.location_id, sum(o.units::double * coalesce(i.unit_volume, 0)::double) AS volume
            FROM orders o LEFT JOIN items i USING (item_id) GROUP BY ALL
        ), of_lines AS (
            SELECT source_id, location_id, sum(expected_cost)::double AS cost FROM reasons
            WHERE NOT contains(binding, 'another_lane') GROUP BY ALL
        ), parts AS (
            SELECT c.source_id, c.location_id, c.lines, c.cost, c.order_cost IS NOT NULL AS terms, coalesce(l.cost, 0)
                + coalesce(c.kept_cost, 0) + CASE WHEN p.source_id IS NULL OR c.order_cost IS NULL THEN 0 ELSE c.order_cost + CASE
                    WHEN w.truck_volume > 0 AND w.truck_cost > 0
                    THEN ceil(p.volume / w.truck_volume::double - 1e-9) * w.truck_cost::double ELSE 0 END END AS again
            FROM certificates c LEFT JOIN placed p USING (source_id, location_id) LEFT JOIN of_lines l USING (source_id, location_id)
            LEFT JOIN lanes w ON w.item_id IS NULL AND w.source_id = c.source_id AND w.location_id = c.location_id
            WHERE c.location_id <> '*'
        )
        SELECT source_id || ' to ' || location_id || ': cost ' || cost || ', of its lines and terms ' || round(again, 4) FROM parts
        WHERE abs(cost - again) > 1e-4 * (1 + lines)
        UNION ALL
        SELECT 'certificate ' || any_value(n.cost) || ', orders ' || sum(p.cost) FROM parts p CROSS JOIN certificates n
        WHERE n.source_id = '*' HAVING count(*) > 0 AND abs(any_value(n.cost) - sum(p.cost)) > 1e-6 * (1 + abs(any_value(n.cost)))""",
    "fresh_cost_differs": """
        SELECT source_id || ': fresh ' || cost_fresh || ', cost ' || cost || ', bias ' || sampling_bias FROM certificates
        WHERE abs(cost_fresh - cost - sampling_bias) > 1e-6 * (1 + abs(cost))""",
    # What orders pay at the prices of limits is what their reasons say they pay.
    "prices_differ": """
        WITH paid AS (
            SELECT sum(o.units::double * r.scarcity_price::double) AS paid, 1e-4 * sum(o.units::double) AS rounded
            FROM orders o JOIN reasons r USING (item_id, source_id, location_id)
        ), priced AS (SELECT coalesce(sum(price::double * used), 0) AS paid, coalesce(sum(1e-4 * used), 0) AS rounded FROM prices)
        SELECT 'orders pay ' || round(a.paid, 2) || ', limits are paid ' || round(b.paid, 2) FROM paid a CROSS JOIN priced b
        WHERE abs(a.paid - b.paid) > 0.01 + a.rounded + b.rounded""",
    "negative_price": """
        SELECT resource || ' of ' || coalesce(location_id, 'all') FROM prices WHERE price < 0""",
}


@dataclass(frozen=True)
class Finding:
    """A rule, how many break it, and some of them."""

    rule: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rule}: {self.count}, such as {'; '.join(self.examples)}"


def broken(tables: Mapping[str, pa.Table], most: int = 3) -> list[Finding]:
    """The rules that the tables break."""
    connection = duckdb.connect()
    for name, rows in tables.items():
        connection.register(name, rows)
    connection.execute(_TERMS)
    connection.execute(_TAKEN)
    found = []
    for rule, query in RULES.items():
        rows = [str(row[0]) for row in connection.execute(query).fetchall()]
        if rows:
            found.append(Finding(rule, len(rows), tuple(sorted(rows)[:most])))
    return found
