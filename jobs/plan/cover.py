"""How long an order should last, where ordering itself costs something (order cost, trucks) or an order has a minimum.

Of each order from a source to a location the cover T, in order days, is the one of least cost a period

    g(T) = (order cost + trucks + sum_i min_q f_i(q over T)) / periods of T

from an empty shelf at arrival, among those in which the order reaches its minimum. Against placing an order tonight stands
waiting: without one until the order of the w-th order day from now arrives, at whose beginning the same choice comes again,

    W = min over w (sum_i cost of nothing over w - g periods of w)

Both are net of g, which every period costs in the long run (renewal reward: Ross, Stochastic Processes, 1996, section 3.6).
Leaving order costs to the one window that tonight's order covers costs 32 to 189% (design.md section 7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jobs.plan.lanes import LANE, SCHEDULE, later_arrivals, order_terms
from jobs.plan.over_covers import over_covers

if TYPE_CHECKING:
    from jobs.plan.demand import Demand
    from jobs.plan.night import Ints, Night
    from jobs.plan.terms import Terms

#: Covers that are compared, in order days.
_COVERS = (1, 2, 3, 4, 5, 6, 8, 10, 14, 21, 28)
#: Sums are of whole millionths, so that they come out the same in whatever order they are added.
MICRO = 1_000_000
#: What a shard says of each order and cover: lines, periods covered (the most of its lines), and in millionths the least cost
#: from an empty shelf with the order's value and volume, and the cost of nothing from what is there.
SUMS = {**dict.fromkeys(LANE, pl.String), **dict.fromkeys(("cover", "lines", "periods", "cost", "value", "volume", "nothing"), pl.Int64)}
#: The cover chosen for each order, in order days and periods, what a period then costs, and W.
CHOSEN = {**dict.fromkeys(LANE, pl.String), "cover": pl.Int64, "periods": pl.Int64, "per_period": pl.Float64, "waiting": pl.Float64}


def sums(lines: pl.DataFrame, terms: Terms, demand: Demand, night: Night) -> pl.DataFrame:
    """Rows of SUMS: what covers of several lengths would cost the lines whose order has terms."""
    if lines.is_empty():
        return pl.DataFrame(schema=SUMS)
    placed = lines.select(SCHEDULE).with_columns(line=pl.int_range(pl.len()), chosen=lines["chosen"])
    with_terms = placed.filter("chosen").join(order_terms(night).select(LANE), on=LANE, how="semi")
    options = (
        later_arrivals(with_terms, night).filter(pl.col("cover").is_in(_COVERS)).with_columns(until=night.period_of("next_arrives_on"))
    )
    schedules = options.sort("line", "cover").group_by("line", maintain_order=True).agg("cover", "until")
    at = schedules["line"].to_numpy()
    dates = {"lead": pl.Series(terms.lead[at]), "lead_std": pl.Series(terms.lead_std[at])}
    alike = schedules.with_columns(**dates).group_by("cover", "until", "lead", "lead_std")
    found = [
        _costed(of["line"].sort().to_numpy(), key, lines, terms, demand, night) for key, of in sorted(alike, key=lambda group: group[0])
    ]
    return pl.concat([pl.DataFrame(schema=SUMS), *found])


def _costed(rows: Ints, key: tuple[Any, ...], lines: pl.DataFrame, terms: Terms, demand: Demand, night: Night) -> pl.DataFrame:
    """All covers of lines that share a schedule; ``key``: covers in order days, periods until they end, lead time and its deviation."""
    covers, until, lead, _ = key
    own = terms.take(rows)
    lasting = np.maximum(np.array(until) - lead, 1)
    found = over_covers(own, demand, lasting, night.config.planning.reach_quantile)
    units = found.best * own.multiple[:, None]
    money = {
        "cost": found.cost,
        "value": units * lines["buying_cost"].to_numpy()[rows, None],
        "volume": units * lines["unit_volume"].cast(pl.Float64).fill_null(0.0).to_numpy()[rows, None],
        "nothing": found.nothing,
    }
    micro = {name: np.round(values * MICRO).astype(np.int64) for name, values in money.items()}
    parts = [
        lines[rows].select(LANE).with_columns(
            pl.lit(cover, pl.Int64).alias("cover"), pl.lit(int(lasting[k]), pl.Int64).alias("periods"),
            **{name: pl.Series(values[:, k]) for name, values in micro.items()},
        )
        for k, cover in enumerate(covers)
    ]  # fmt: skip
    totals = pl.len().cast(pl.Int64).alias("lines"), pl.col("periods").max(), pl.col("cost", "value", "volume", "nothing").sum()
    return pl.concat(parts).group_by(*LANE, "cover").agg(totals).select(list(SUMS))


def choose(sums_of_shards: pl.DataFrame, terms: pl.DataFrame) -> pl.DataFrame:
    """Rows of CHOSEN, one an order.

    sums_of_shards  rows of SUMS of all shards;  terms  source_id, location_id, min_order_value, order_cost, truck_volume, truck_cost
    """
    added = sums_of_shards.group_by(*LANE, "cover").agg(
        pl.col("periods").max(), pl.col("lines", "cost", "value", "volume", "nothing").sum()
    )
    # A cover that some line can't have (it is ordered on rarer days) is no cover of the order.
    whole = added.filter(pl.col("lines") == pl.col("lines").max().over(LANE)).join(terms, on=LANE)
    money = {name: pl.col(name) / MICRO for name in ("cost", "value", "volume")}
    has_trucks = (pl.col("truck_volume") > 0) & (pl.col("truck_cost") > 0)
    trucks = pl.when(has_trucks).then((money["volume"] / pl.col("truck_volume")).ceil() * pl.col("truck_cost")).otherwise(0.0)
    per_period = (pl.col("order_cost") + trucks + money["cost"]) / pl.col("periods")
    # Where no cover reaches the minimum, the longest comes nearest.
    short = money["value"] < pl.col("min_order_value")
    ranked = whole.with_columns(per_period=per_period, short=short, rank=pl.when(short).then(-pl.col("cover")).otherwise(0))
    best = ranked.sort(*LANE, "short", "rank", "per_period", "cover").unique(LANE, keep="first", maintain_order=True)
    waits = ranked.select(*LANE, "nothing", waits="periods").join(best.select(*LANE, "per_period"), on=LANE)
    net = pl.col("nothing") / MICRO - pl.col("per_period") * pl.col("waits")
    return best.join(waits.group_by(LANE).agg(net.min().alias("waiting")), on=LANE).sort(LANE).select(list(CHOSEN))
