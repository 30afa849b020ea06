"""Several lanes to one item-location, on the same night: at most one of them is ordered.

The lists of such lanes cover the same dates and share their cost of nothing, so that they can be compared. The dates are those of the
usual lane (the cheapest; of those that have an order day tonight where it has none): until its next order arrives, from the day on
which the fastest of them could deliver. A lane that delivers no earlier than the usual lane's next order is none to choose. Every unit
costs what its lane costs to buy beyond the cheapest (`premium`). So a fast and dear lane is taken where what would be lost until the
slow and cheap one delivers is worth more than the premium (Minner, 2003, on inventory with several suppliers).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from jobs.plan.night import PAIR
from jobs.plan.ragged import first_least, positions

if TYPE_CHECKING:
    from jobs.plan.expected_cost import Costs
    from jobs.plan.night import Floats, Night


def offered(lines: pl.DataFrame, night: Night) -> pl.DataFrame:
    """Lines that may be ordered tonight with what makes them comparable; those of a pair in order of preference (lanes.considered).

    Adds offered (may be ordered), main (its pair's usual lane tonight), opens_on (first day that costs), usual_on (arrival on the main
    lane); next_arrives_on of offered lines becomes that of the main lane. A planner's lock leaves its own lane only.
    """
    if not night.alternatives:
        here = pl.col("chosen")
        return lines.with_columns(offered=here, main=here, opens_on=pl.col("arrives_on"), usual_on=pl.col("arrives_on"))
    may = lines.with_columns(may=pl.col("chosen") | ~pl.col("overridden").any().over(PAIR))
    ranked = may.with_columns(main=pl.col("may") & (pl.col("may").cum_sum().over(PAIR) == 1))
    usual = ranked.filter("main").select(*PAIR, usual_on="arrives_on", usual_next="next_arrives_on")
    known = ranked.join(usual, on=PAIR, how="left", maintain_order="left")
    useful = pl.col("may") & (pl.col("main") | (pl.col("arrives_on") < pl.col("usual_next")))
    known = known.with_columns(offered=useful.fill_null(value=False))
    first = pl.col("arrives_on").filter(pl.col("offered")).min().over(PAIR)
    here = pl.col("offered")
    return known.with_columns(
        opens_on=pl.when(here).then(first).otherwise("arrives_on"),
        usual_on=pl.when(here).then("usual_on").otherwise("arrives_on"),
        next_arrives_on=pl.when(here).then("usual_next").otherwise("next_arrives_on"),
    ).drop("may", "usual_next")


def priced(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines with `premium`, what a unit costs to buy beyond the cheapest lane; what it costs on the shelf is that of the main lane."""
    costs = ["holding", "shortage", "waste"]
    main = lines.filter("main").select(*PAIR, *(pl.col(name).alias(f"{name}_main") for name in costs))
    both = lines.join(main, on=PAIR, how="left", maintain_order="left")
    least = pl.min_horizontal(pl.col("buying_cost").filter(pl.col("offered")).min().over(PAIR), "usual_cost")
    premium = pl.when("offered").then(pl.max_horizontal(pl.col("buying_cost") - least, 0.0)).otherwise(0.0)
    of_main = [pl.when("offered").then(pl.coalesce(f"{name}_main", name)).otherwise(name).alias(name) for name in costs]
    return both.with_columns(*of_main, premium=premium).drop("usual_cost", *(f"{name}_main" for name in costs))


def comparable(lists: Costs, lines: pl.DataFrame, multiple: Floats) -> Costs:
    """Lists with what units cost beyond the cheapest lane; those of one pair cost the same where nothing is ordered."""
    premium = lines["premium"].to_numpy()
    if not premium.any() and lines["offered"].equals(lines["main"]):
        return lists
    own = pl.Series("own", lists.cost[lists.start[:-1]])
    main = lines.filter("main").select(PAIR).with_columns(of_main=own.filter(lines["main"]))
    shared = lines.select(*PAIR, "offered").with_columns(own).join(main, on=PAIR, how="left", maintain_order="left")
    nothing = shared.select(pl.when("offered").then("of_main").otherwise("own")).to_series().to_numpy()
    owner, position = positions(lists.start)
    apart = nothing - own.to_numpy()
    cost = np.where(position == 0, nothing[owner], lists.cost + apart[owner] + (premium * multiple)[owner] * position)
    # The real quantity of least cost is not looked for again: whole multiples are near enough.
    best = first_least(lists.start, cost)
    dearer = premium > 0
    wanted = np.where(dearer, best * multiple, lists.wanted)
    wanted_cost = np.where(dearer, cost[lists.start[:-1] + best], lists.wanted_cost + apart)
    return replace(lists, cost=cost, wanted=wanted, wanted_cost=wanted_cost)
