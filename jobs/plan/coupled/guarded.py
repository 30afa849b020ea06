"""A solve that ends in time whatever the solver does: in a process of its own, which is killed when it is late.

What hangs, crashes, raises or returns rubbish costs the search, not the night: a plan made at once takes its place.
"""

from __future__ import annotations

import logging
import multiprocessing
import time
from multiprocessing.connection import Connection

from jobs.errors import UsageError
from jobs.plan.coupled.problem import Problem, is_feasible, plan_cost, state_of
from jobs.plan.coupled.solve import Solved, at_once, solve

_LOG = logging.getLogger("nightfill.plan")
#: Seconds that a solver has beyond its deadline before it is killed: it looks at the clock between steps.
_GRACE = 10.0
#: A solver's own account of its cost may differ from ours by this share.
_ROUNDING = 1e-6


def solve_in_time(problem: Problem, seconds: float) -> Solved:
    """The solver's plan or, where it fails, one made at once. Raises UsageError where no plan is found to exist."""
    # fork: the problem is there without being copied, and nothing that this process has open is needed there.
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_solve, args=(problem, seconds, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        found = _received(ours, seconds + _GRACE)
    finally:
        child.kill()
        child.join()
        ours.close()
    if isinstance(found, UsageError):
        raise found
    if isinstance(found, Solved) and _holds(problem, found):
        return found
    _LOG.warning("the solver failed (%s): a plan is made without it", found if isinstance(found, str) else "its plan breaks limits")
    return at_once(problem)


def _received(pipe: Connection, seconds: float) -> object:
    """What the solver's process says; a text where it says nothing in time or dies."""
    if not pipe.poll(seconds):
        return f"nothing came for {seconds:.0f} s"
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return "its process died"


def _solve(problem: Problem, seconds: float, pipe: Connection) -> None:
    try:
        found: object = solve(problem, time.monotonic() + seconds)
    except UsageError as error:
        found = error
    except Exception as error:  # noqa: BLE001 - whatever it is, the night goes on without this solver
        found = f"{type(error).__name__}: {error}"
    pipe.send(found)
    pipe.close()


def _holds(problem: Problem, found: Solved) -> bool:
    """Whether a plan is one: of the right length, within all limits, at the cost it says, not below its bound."""
    n = found.n
    if len(n) != len(problem) or (n < 0).any() or (n >= problem.start[1:] - problem.start[:-1]).any():
        return False
    state = state_of(problem, n)
    if not is_feasible(problem, state):
        return False
    cost = plan_cost(problem, state)
    return abs(cost - found.cost) <= _ROUNDING * max(abs(cost), 1.0) and found.bound <= cost + _ROUNDING * max(abs(cost), 1.0)
