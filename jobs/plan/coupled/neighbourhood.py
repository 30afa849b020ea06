"""Problems of a few thousand lines: the best plan near one known, all orders and limits together, by HiGHS.

Local search moves an order or two at a time; a truck less here and a full one there, paid for by what that frees, takes many.
Left to HiGHS are the entries of each list next to the plan's and next to those that the prices would have, of these
the ones that cost least at the prices (relaxation induced neighbourhoods; Danna, Rothberg, Le Pape 2005, Mathematical
Programming 102).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jobs.plan.coupled import exact
from jobs.plan.coupled.dual import Dual
from jobs.plan.coupled.improve import Search
from jobs.plan.coupled.problem import Floats, Ints, is_feasible, plan_cost, state_of
from jobs.plan.ragged import positions

#: Entries beside the plan's own that HiGHS is left.
_ENTRIES = 4_000
#: Nodes of its search: the root has its own heuristics, and nearly all that more nodes find.
_NODES = 1
#: A plan this near its bound, as a share of cost, is left.
_CLOSE = 5e-4


def planned_near(search: Search, dual: Dual, n: Ints, bound: float) -> Ints:
    """The plan, or a cheaper one near it; lines of choices may change places. ``bound``: no plan costs less."""
    problem = search.problem
    known = plan_cost(problem, state_of(problem, n))
    if known - bound <= _CLOSE * abs(known):
        return n
    owner, place = positions(problem.start)
    rank = np.cumsum(np.isfinite(problem.cost))
    from_plan, from_priced = (np.abs(rank - rank[problem.start[:-1] + each][owner]) for each in (n, dual.evaluation.n))
    own, near = place == n[owner], np.isfinite(problem.cost) & (np.minimum(from_plan, from_priced) <= 1)
    reduced = np.where(near & ~own, _reduced(search, dual, (owner, place)), np.inf)
    few = np.partition(reduced, _ENTRIES)[_ENTRIES] if len(reduced) > _ENTRIES else np.inf
    cost = np.where(own | (near & (reduced <= few)), problem.cost, np.inf)
    found = exact.solve(replace(problem, cost=cost), search.seconds(), n, _NODES)
    if found.n is None:
        return n
    after = state_of(problem, found.n)
    return found.n if is_feasible(problem, after) and plan_cost(problem, after) < known else n


def _reduced(search: Search, dual: Dual, at: tuple[Ints, Ints]) -> Floats:
    """[entries] what each costs at the prices above its line's least; ``at``: its line and multiples."""
    problem, (owner, place) = search.problem, at
    nu = np.append(dual.at.nu, 0.0)[problem.choice]
    value = problem.cost + search.w_order[owner] * place + nu[owner] * (place > 0)
    return np.asarray(value - np.minimum.reduceat(value, problem.start[:-1])[owner])
