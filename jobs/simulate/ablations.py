"""The night's plan with one of its parts taken out: what that part is worth in money."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from jobs.columns import with_columns
from jobs.forecast.model import dependence_of
from jobs.forecast.ranks import INDEPENDENT
from jobs.plan import expected_cost
from jobs.simulate.policies import POLICIES, STOCHASTIC, Evening, distribution, ranks_of

if TYPE_CHECKING:
    from jobs.forecast.ranks import PathRanks
    from jobs.plan.demand import Demand
    from jobs.plan.expected_cost import Costs
    from jobs.plan.terms import Terms
    from jobs.simulate.memory import Memory
    from jobs.simulate.policies import Policy

#: Units a period at which leftovers sell nearly at once, and periods that goods keep nearly for ever: larger ones lose digits.
_AT_ONCE, _LONG = 1e6, 1e3


def as_sold(lake: Memory) -> Memory:
    """Silver where what sold is taken for demand, empty shelves or not: nothing is masked, nothing recovered."""
    rows = lake.tables["silver/demand"]
    n = rows.num_rows
    columns: dict[str, Any] = {"in_stock_fraction": pa.array(np.ones(n)), "demand": rows["units"], "demand_std": pa.repeat(Decimal(0), n)}
    columns |= {"demand_source": pa.array(["observed"] * n, pa.string())}
    return lake.having(demand=with_columns(rows, columns))


def with_sure_leads(lake: Memory) -> Memory:
    """Silver where no lane's lead time is random."""
    rows = lake.tables["silver/lanes"]
    return lake.having(lanes=with_columns(rows, {"lead_time_std": pa.nulls(rows.num_rows)}))


def window_alone(terms: Terms, demand: Demand, reach: float) -> Costs:
    """Expected cost of the window alone: no later orders, no leftovers, nothing that spoils after it, no cover of orders with terms."""
    life = np.where(terms.life > terms.cover, _LONG, terms.life)
    return expected_cost.evaluate(replace(terms, rate=np.full(len(terms), _AT_ONCE), life=life), demand, reach)


def _uncalibrated(evening: Evening) -> tuple[pa.Table, PathRanks]:
    return distribution(evening, "empirical"), ranks_of(evening, dependence_of(evening.model))


def _independent(evening: Evening) -> tuple[pa.Table, PathRanks]:
    return distribution(evening), ranks_of(evening, INDEPENDENT)


def _without(name: str, meaning: str, **changed: object) -> Policy:
    return replace(POLICIES[STOCHASTIC], name=name, meaning=f"stochastic {meaning}", **changed)  # type: ignore[arg-type]


ABLATIONS: dict[str, Policy] = {
    policy.name: policy
    for policy in (
        _without("no_recovery", "that takes what sold for demand, empty shelves or not", sees=as_sold),
        _without("no_calibration", "with the plain record of errors as its spread", foresee=_uncalibrated, records=True),
        _without("no_dependence", "on paths on which every series and day is by itself", foresee=_independent),
        _without("no_beyond", "that costs its window alone, without leftovers, later orders and covers", lists_of=window_alone),
        _without("fenced", "with a stock of its own for every channel of a location", fenced=True),
        _without("no_random_leads", "that takes lead times as sure", sees=with_sure_leads),
    )
}
#: All ways of deciding that can be simulated.
KNOWN: dict[str, Policy] = POLICIES | ABLATIONS
