"""What sampling hides: a plan costed again on demand paths that had no part in choosing it.

Orders are chosen by their mean cost over the night's paths, so that mean flatters them (Mak, Morton and Wood, 1999, on the
optimism of sample average approximation). On fresh paths, by the same law with another seed (ranks.PathRanks.fresh), it does
not. Beside the plan stand ordering nothing and base stock, on the same fresh paths (common random numbers).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jobs.plan.beyond import rolled, windows
from jobs.plan.centres import asked
from jobs.plan.cover import MICRO
from jobs.plan.expected_cost import alike, costing
from jobs.plan.pools import SCALE
from jobs.plan.ragged import first_allowed
from jobs.plan.random_leads import random_leads

if TYPE_CHECKING:
    from jobs.plan.demand import Demand
    from jobs.plan.limits import Outcome
    from jobs.plan.night import Floats, Night
    from jobs.plan.shard import Costed
    from jobs.plan.terms import Terms

#: Lines whose costs on all paths are held at once.
_TOGETHER = 4_096
#: Plans that are compared.
PLANS = ("chosen", "nothing", "base_stock")
#: Costs on each path, summed over a source's lines: whole millionths, so that they add up the same in whatever order.
SUMS: dict[str, Any] = {"source_id": pl.String, "path": pl.Int64, **dict.fromkeys(PLANS, pl.Int64)}


def of_shard(costed: Costed, outcome: Outcome, night: Night) -> pl.DataFrame:
    """The plan, ordering nothing and base stock of a shard (SUMS), with what centres are asked for on the fresh paths.

    Beside the plan, centres keep all that orders leave.
    """
    demand, problem, kept = costed.demand.afresh(night.ranks.fresh()), costed.problem, costed.kept
    supplied = asked(costed.asking, demand, night)
    main = costed.lines["main"].to_numpy()
    rows = np.flatnonzero(main | outcome.counts)
    n = np.stack([outcome.n, first_allowed(problem.start, problem.cost), outcome.base_stock])
    ordered = n[:, rows] * problem.multiple[rows] / SCALE
    # Of lanes to choose from the plan's own counts, and beside it the main one.
    counts = np.stack([outcome.counts, main, main])[:, rows]
    premium = costed.lines["premium"].to_numpy()[rows]
    stays = np.stack([outcome.kept, *(kept.left(problem, plan) for plan in n[1:])]) * kept.terms.multiple
    parts = [
        sums(costed.lines["source_id"][rows], costed.terms.take(rows), demand.with_drawn(supplied.drawn), ordered, counts, premium),
        sums(kept.lines["source_id"], *kept.asked(supplied, demand), stays),
    ]
    return pl.concat(parts)


def sums(
    source: pl.Series, terms: Terms, demand: Demand, units: Floats, counts: np.ndarray | None = None, premium: Floats | None = None
) -> pl.DataFrame:
    """Rows of SUMS. ``source`` [lines]; ``units`` [plans, lines] in the order of PLANS; ``demand`` on fresh paths.

    counts   [plans, lines] which lines count in which plan (None: all);  premium  [lines] what a unit costs beside (None: nothing)
    """
    if not len(terms):
        return pl.DataFrame(schema=SUMS)
    names, owner = np.unique(source.to_numpy().astype(str), return_inverse=True)
    totals = np.zeros((len(PLANS), len(names), demand.paths), np.int64)
    for rows in np.array_split(np.arange(len(terms)), -(-len(terms) // _TOGETHER)):
        money = on_paths(terms.take(rows), demand, units[:, rows])
        if counts is not None and premium is not None:
            money = (money + (premium[rows] * units[:, rows])[:, :, None]) * counts[:, rows, None]
        cost = np.round(money * MICRO).astype(np.int64)
        for plan, of_lines in zip(totals, cost, strict=True):
            np.add.at(plan, owner[rows], of_lines)
    columns = {name: pl.Series(plan.ravel(), dtype=pl.Int64) for name, plan in zip(PLANS, totals, strict=True)}
    path = np.tile(np.arange(demand.paths), len(names))
    return pl.DataFrame({"source_id": np.repeat(names.astype(object), demand.paths), "path": path, **columns}, schema=SUMS)


def on_paths(terms: Terms, demand: Demand, units: Floats) -> Floats:
    """[plans, lines, paths] cost of each line's order; where lead times are random, the mean over pairs of them."""
    cost = np.zeros((len(units), len(terms), demand.paths))
    unsure = np.flatnonzero(terms.lead_std > 0)
    sure = np.flatnonzero(terms.lead_std <= 0)
    cost[:, sure] = _on_paths(terms.take(sure), demand, units[:, sure])
    if len(unsure):
        own = terms.take(unsure)
        lead, following = random_leads(own)
        for k in range(lead.shape[1]):
            drawn = replace(own, lead=lead[:, k], cover=following[:, k] - lead[:, k])
            cost[:, unsure] += _on_paths(drawn, demand, units[:, unsure]) / lead.shape[1]
    return cost


def _on_paths(terms: Terms, demand: Demand, units: Floats) -> Floats:
    cost = np.zeros((len(units), len(terms), demand.paths))
    for rows in alike(terms):
        own = terms.take(rows)
        curves = costing(own, rolled(own, demand), demand, 1)
        for plan, ordered in zip(cost, units, strict=True):
            plan[rows] = curves.on_paths(ordered[rows])
    return cost


def steps(terms: Terms) -> int:
    """Periods from the business date on that any line's cost looks at."""
    lead, following, keeps = terms.lead, terms.lead + terms.cover, terms.foreseen
    unsure = np.flatnonzero(terms.lead_std > 0)
    if len(unsure):
        drawn = random_leads(terms.take(unsure))
        lead, following = (np.concatenate([sure, some.ravel()]) for sure, some in zip((lead, following), drawn, strict=True))
    cover = following - lead
    return int(max((following + cover * windows(lead, cover)).max(initial=1), lead.max(initial=0) + keeps.max(initial=0)))
