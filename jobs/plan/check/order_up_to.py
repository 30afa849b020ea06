"""The cost of an order by the order-up-to rule, computed again with plain loops over the paths (docs/plan_problem.md)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.plan.check.recost import Line


def cost(line: Line, demand: Sequence[Sequence[float]], units: float) -> float:
    """Holding of what is left and shortage of what is missing when the next order arrives, demand until then on each path."""
    spent = 0.0
    for wanted in _wanted(line, demand):
        left = _there(line) + units - wanted
        spent += line.holding * line.review * left if left > 0 else -line.shortage * left
    return spent / len(demand[0]) + line.premium * units


def reach(line: Line, demand: Sequence[Sequence[float]], level: float) -> float:
    """Units that cover demand until the next arrival, presentation included, on this share of the paths."""
    wanted = sorted(_wanted(line, demand))
    return wanted[math.ceil(level * (len(wanted) - 1))] - _there(line)


def _wanted(line: Line, demand: Sequence[Sequence[float]]) -> list[float]:
    return [sum(demand[step][path] for step in range(line.lead + line.cover)) for path in range(len(demand[0]))]


def _there(line: Line) -> float:
    """What is there until the next order arrives, this one aside, beyond presentation."""
    return line.on_hand + sum(line.arrivals.get(step, 0.0) for step in range(line.lead + line.cover)) - line.presentation
