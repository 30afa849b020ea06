"""The plan that a base stock would make, to compare with: what a good reorder rule orders without looking at costs of quantities.

Each line orders up to its base stock (expected_cost.Costs.base_stock), in whole multiples and within its own limits. Where
lines share a limit that this exceeds, all get the same share of what they would order; orders below their minimum are not placed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jobs.plan.coupled.problem import lowered, measured, totals
from jobs.plan.pools import SCALE, UNLIMITED
from jobs.plan.ragged import first_allowed, last_allowed

if TYPE_CHECKING:
    from jobs.plan.coupled.problem import Problem as Coupled
    from jobs.plan.night import Floats, Ints
    from jobs.plan.pools import Problem
    from jobs.plan.terms import Terms

#: A share of 2.9999999999 multiples is three.
_LAST_BIT = 1e-9


def multiples(terms: Terms, units: Floats) -> Ints:
    """[lines] the multiples that cover some units; at least the least of an order, where any are wanted."""
    n = np.ceil(units / terms.multiple - _LAST_BIT).astype(np.int64)
    return np.where(n > 0, np.maximum(n, terms.min_multiples), 0)


def of_pools(problem: Problem, wanted: Ints) -> Ints:
    """[lines] multiples, where each pool has a limit of its own."""
    n = last_allowed(problem.start, problem.cost, wanted)
    limit = np.where(problem.limit == UNLIMITED, np.inf, problem.limit / SCALE)
    share = _share(problem.pool, n * problem.multiple / SCALE, limit)
    return last_allowed(problem.start, problem.cost, np.floor(n * share + _LAST_BIT).astype(np.int64))


def of_night(problem: Coupled, wanted: Ints) -> Ints:
    """[lines] multiples, where limits and order terms couple the night's lines."""
    n = last_allowed(problem.start, problem.cost, wanted)
    for layer in problem.layers:
        share = _share(layer.resource, layer.use * n, problem.limit)
        n = last_allowed(problem.start, problem.cost, np.floor(n * share + _LAST_BIT).astype(np.int64))
    short = measured(problem, n)[0] < lowered(problem.terms.minimum)
    return np.where(short[problem.order], first_allowed(problem.start, problem.cost), n)


def _share(resource: Ints, taken: Floats, limit: Floats) -> Floats:
    """[lines] the share of what all would take that their limit has room for, at most 1."""
    used = totals(resource, taken, len(limit))
    room = np.divide(limit, used, out=np.ones(len(limit)), where=used > limit)
    return np.asarray(room[resource])
