"""A narrowed problem's bound by a linear program without rounding in small limits, what that leaves out, and where to branch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from jobs.plan.coupled import exact, pool_flows
from jobs.plan.coupled.narrowing import Narrowed, without
from jobs.plan.coupled.problem import Floats, Problem
from jobs.plan.coupled.program import Cut, Program, Steps, program_of

#: Entries looked at beyond those that the linear program takes.
_NEAR = 1
#: What HiGHS may take for whole.
_WHOLE = 1e-6


@dataclass(frozen=True)
class Tightened:
    """A narrowed problem.

    cuts               what its limits say of its lists
    order              the one to branch on, None: nothing is undecided
    trucks             the program has between so many and one more in that order; None: to branch on is whether it is open
    steps, taken       increments of the lists, and what the program takes of each
    reduced, states    what taking each (or not) costs beside the bound, and the same of orders being open [orders]
    """

    left: Narrowed
    cuts: tuple[Cut, ...] = ()
    order: int | None = None
    trucks: float | None = None
    steps: Steps | None = None
    taken: Floats | None = None
    reduced: Floats | None = None
    states: Floats | None = None

    @property
    def bound(self) -> float:
        """No plan costs less."""
        return self.left.bound


def tightened(left: Narrowed) -> Tightened:
    """The problem with its bound by the linear program."""
    problem = left.problem
    made = program_of(problem, left)
    flows = pool_flows.add(made, pool_flows.pools_of(problem))
    found = exact.relaxation(made)
    if found is None:
        return Tightened(left)
    if np.isinf(found.cost):
        return Tightened(replace(left, bound=np.inf))
    left = replace(left, bound=max(left.bound, found.cost - exact.TOLERANCE * max(abs(found.cost), 1.0)))
    order, trucks = _undecided(left, made, found.x)
    states = np.zeros(len(left.state))
    states[list(made.opened)] = found.reduced[list(made.opened.values())]
    cuts = tuple(pool_flows.cuts_of(problem, flows, found.dual))
    count = len(made.steps.line)
    return Tightened(left, cuts, order, trucks, made.steps, found.x[:count], found.reduced[:count], states)


def _undecided(left: Narrowed, made: Program, x: Floats) -> tuple[int | None, float | None]:
    """The order to branch on: the one on most of which depends whether it is open; if that is clear of all, how many trucks it has."""
    problem = left.problem
    stake = np.abs(np.add.reduceat(problem.cost[problem.start[:-1]], problem.terms.lines[:-1]))
    opened = {o: min(x[k], 1 - x[k]) * (stake[o] if np.isfinite(stake[o]) else 0.0) for o, k in made.opened.items()}
    unclear = {o: weight for o, weight in opened.items() if _WHOLE < x[made.opened[o]] < 1 - _WHOLE}
    if unclear:
        return max(unclear, key=lambda o: (unclear[o], -o)), None
    part = {o: abs(x[k] - np.rint(x[k])) for o, k in made.trucks.items()}
    unclear = {o: each * problem.terms.truck_cost[o] for o, each in part.items() if each > _WHOLE}
    if unclear:
        order = max(unclear, key=lambda o: (unclear[o], -o))
        return order, float(np.floor(x[made.trucks[order]]))
    return None, None


def reduced(known: Tightened, below: float) -> Tightened:
    """Without what no plan cheaper than ``below`` does, by the reduced costs (as in ``narrowing``)."""
    if known.steps is None or known.reduced is None or known.states is None:
        return known
    left, steps = known.left, known.steps
    room = below - left.bound + exact.TOLERANCE * max(abs(below), 1.0)
    reached = steps.reached()
    start = left.problem.start
    owner = np.repeat(np.arange(len(left.problem)), np.diff(start))
    place = np.arange(len(owner)) - start[owner]
    least, most = np.zeros(len(left.problem)), np.full(len(left.problem), np.inf)
    up, down = known.reduced < -room, known.reduced > room
    np.maximum.at(least, steps.line[up], reached[up].astype(float))
    np.minimum.at(most, steps.line[down], reached[down].astype(float))
    cost = np.where((place < least[owner]) | (place >= most[owner]), np.inf, left.problem.cost)
    either = left.state < 0
    state = np.where(either & (known.states > room), 0, np.where(either & (known.states < -room), 1, left.state))
    problem = without(replace(left.problem, cost=cost), (state == 0) & either)
    lost = np.isinf(np.minimum.reduceat(problem.cost, start[:-1])).any()
    return replace(known, left=replace(left, problem=problem, state=state, below=below, bound=np.inf if lost else left.bound))


def near(known: Tightened) -> Problem:
    """The problem with the entries near those that the program takes only (relaxation enforced neighbourhood search; Berthold, 2014)."""
    problem = known.left.problem
    if known.steps is None or known.taken is None:
        return problem
    allowed = np.isfinite(problem.cost)
    # The number of the entry among those allowed when the program was made: those left out since are no nearer.
    place = np.zeros(len(problem.cost))
    step_entry = problem.start[known.steps.line] + known.steps.reached()
    first = known.steps.first[known.steps.line]
    place[step_entry] = np.arange(len(first)) - first + 1.0
    reached = np.bincount(known.steps.line, known.taken, len(problem))
    owner = np.repeat(np.arange(len(problem)), np.diff(problem.start))
    far = (place < np.floor(reached[owner]) - _NEAR) | (place > np.ceil(reached[owner]) + _NEAR)
    cost = np.where(far, np.inf, problem.cost)
    lost = np.isinf(np.minimum.reduceat(cost, problem.start[:-1]))
    return replace(problem, cost=np.where(lost[owner] & allowed, problem.cost, cost))


def branches(known: Tightened) -> tuple[Narrowed, Narrowed]:
    """The problem cut in two by its undecided order."""
    left, order = known.left, known.order
    if order is None:
        raise ValueError("nothing is undecided")
    if known.trucks is None:
        closed, opened = left.state.copy(), left.state.copy()
        closed[order], opened[order] = 0, 1
        return replace(left, problem=without(left.problem, closed == 0), state=closed), replace(left, state=opened)
    most, least, opened = left.most.copy(), left.least.copy(), left.state.copy()
    # More trucks than that has an open order only.
    most[order], least[order], opened[order] = known.trucks, known.trucks + 1, 1
    return replace(left, most=most), replace(left, least=least, state=opened)
