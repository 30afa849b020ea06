"""What lost sales leave for later windows, computed again with plain loops: see recost.py, whose lines and paths these are.

Where the next order is placed before tonight's window closes, it and the one after it fill up to levels that don't see the future of
a path. A quantity then costs, beside its own window, what these windows cost with it more than they would if nothing were lost tonight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.plan.check.recost import Line

#: More than is ever wanted: nothing is lost.
_PLENTY = 1e12


def ratio_of(line: Line) -> float:
    """Share of windows that should not run out."""
    total = line.shortage + line.holding * line.review
    return line.shortage / total if total > 0 else 0.0


def count(line: Line) -> int:
    """Later windows that tonight's losses reach: none where all is seen, what is left perishes, or another lane may be taken."""
    alone = line.opens >= line.lead and line.review == line.cover
    if not alone or line.lead < 1 or math.isfinite(line.life) or line.holding <= 0:
        return 0
    return 2 if 2 * line.cover <= line.lead else 1


def matters(line: Line, paths: int) -> bool:
    """Whether the critical ratio leaves a path on which tonight's window runs out."""
    return count(line) > 0 and (1 - ratio_of(line)) * paths >= 1


def cost(line: Line, demand: Sequence[Sequence[float]], units: float) -> float:
    """Mean over the paths of what later windows cost because of what is lost with so many units."""
    paths = len(demand[0])
    if not matters(line, paths):
        return 0.0
    place = min(max(math.ceil(ratio_of(line) * paths - 1e-9) - 1, 0), paths - 1)
    usual = sorted(_need(line, demand, path) for path in range(paths))[place]
    lost = [_tonight(line, demand, path, usual) for path in range(paths)]
    levels: list[float] = []
    for j in range(1, count(line) + 1):
        day, opens = j * line.cover, line.lead + j * line.cover
        wanted = [sum(demand[step][path] for step in range(day, opens + line.cover)) - sum(lost[path][day:opens]) for path in range(paths)]
        levels.append(sorted(wanted)[place])
        for path in range(paths):
            lost[path] += _window(line, demand, path, (j, levels[-1]), lost[path])[1]
    return sum(_after(line, demand, path, levels, units) - _after(line, demand, path, levels, _PLENTY) for path in range(paths)) / paths


def _after(line: Line, demand: Sequence[Sequence[float]], path: int, levels: Sequence[float], units: float) -> float:
    """What the later windows of a path cost."""
    lost, spent = _tonight(line, demand, path, units), 0.0
    for j, level in enumerate(levels, 1):
        paid, more = _window(line, demand, path, (j, level), lost)
        spent += paid
        lost += more
    return spent


def _need(line: Line, demand: Sequence[Sequence[float]], path: int) -> float:
    """Units with which nothing would be lost in tonight's window."""
    stock, need = line.on_hand, 0.0
    for step in range(line.lead + line.cover):
        stock += line.arrivals.get(step, 0.0) - demand[step][path]
        if step < line.lead:
            stock = max(stock, 0.0)
        else:
            need = max(need, -stock)
    return need


def _tonight(line: Line, demand: Sequence[Sequence[float]], path: int, units: float) -> list[float]:
    """Units lost in each period until the next order arrives."""
    stock, lost = line.on_hand, []
    for step in range(line.lead + line.cover):
        stock += line.arrivals.get(step, 0.0) + (units if step == line.lead else 0.0) - demand[step][path]
        lost.append(max(-stock, 0.0))
        stock = max(stock, 0.0)
    return lost


def _window(
    line: Line, demand: Sequence[Sequence[float]], path: int, order: tuple[int, float], lost: Sequence[float]
) -> tuple[float, list[float]]:
    """Cost of window j, whose order fills up to a level on its day, and the units lost in each of its periods."""
    j, level = order
    opens = line.lead + j * line.cover
    stock = level - sum(demand[step][path] - lost[step] for step in range(j * line.cover, opens))
    spent, more = 0.0, []
    for step in range(opens, opens + line.cover):
        stock -= demand[step][path]
        more.append(max(-stock, 0.0))
        stock = max(stock, 0.0)
        spent += line.holding * stock + line.shortage * more[-1]
    return spent, more
