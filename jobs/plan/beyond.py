"""What a sale lost in a line's window does to the windows after it.

Where the next orders are placed before the window has closed, they don't know what will be lost in it: they are sized for sales that
won't take place. So each unit lost in tonight's window leaves one more in stock at the next arrival, where it is held or sold to
somebody who would have been sent away. Costing the window alone takes every lost sale for gone and orders too much: up to 5% above
the optimum at a lead of four periods (docs/decisions/closed_loop.md).

The two orders after tonight's follow a base stock S_j that sees the past of a path and not its future: the critical-ratio quantile of

    what is sold from order day D_j to arrival A_j, with an order of tonight at that quantile too, + demand of the window [A_j, A_j')

so that stock at A_j is S_j less demand from D_j to A_j, plus what is lost in it. Of a path, with Y the need of tonight's window,
Y' what of it the next order sees, and c_t what window 1 (2) lacks until its period t when nothing is lost in tonight's (1's c then
taken off Y), all of this is hinges again:

    bends b_1t = max(Y - c_1t^+, Y'),   b_2t = b_1 - c_2t^+
    cost beyond - the same without losses in tonight's window
        = holding sum_jt (b_jt - q)^+ - holding cover (Y' - q)^+ + shortage ((b_last - q)^+ - (Y - q)^+)

Zipkin (Operations Research 56, 2008) calls looking one window further Myopic 2. Left out: what perishes or what a centre owes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from jobs.plan.curves import row_quantile
from jobs.plan.stock_paths import Once, StockPaths, arriving, roll

if TYPE_CHECKING:
    from jobs.plan.demand import Demand
    from jobs.plan.night import Floats, Ints
    from jobs.plan.terms import Terms

#: Windows beyond tonight's that are looked at (design.md section 7).
WINDOWS = 2


def windows(lead: Ints, cover: Ints) -> Ints:
    """[lines] how many are looked at: none where the next order is placed after tonight's arrives and sees all; the second if its
    order is placed before tonight's arrives.
    """
    later = sum((j * cover <= lead).astype(np.int64) for j in range(2, WINDOWS + 1))
    return np.where(lead < 1, 0, 1 + later)


def looks(terms: Terms, paths: int) -> np.ndarray:
    """[lines] whether later windows matter: goods that keep, sales that are lost, and a path on which they are, at the critical ratio.

    Of alternative lanes (choices.py) they are left out: which of them the next order takes is not known.
    """
    short = ((1 - terms.critical_ratio()) * paths >= 1) & (terms.opens >= terms.lead) & (terms.review == terms.cover)
    return np.asarray((terms.lead >= 1) & ~np.isfinite(terms.life) & ~terms.backlog & short & (terms.holding > 0))


def rolled(terms: Terms, demand: Demand) -> StockPaths:
    """Stock of lines, all with the same lead and cover, with the bends of the windows beyond where they matter."""
    chosen = np.flatnonzero(looks(terms, demand.paths))
    if not len(chosen):
        return roll(terms, demand)
    drawn = Once(demand)
    paths = roll(terms, drawn)
    own = terms.take(chosen)
    some, seen = _bends(own, paths.take(chosen), _Rows(drawn, terms, chosen))
    # Where they don't matter there is no bend, and what is lost is lost for good.
    later = np.full((len(some), *paths.at_arrival.shape), -np.inf)
    later[:, chosen] = some
    before = np.full(paths.at_arrival.shape, -np.inf)
    before[chosen] = seen
    last = paths.need[-1].copy()
    last[chosen] = some[-1]
    return replace(paths, later=later, seen=before, gone=last)


class _Rows:
    """Demand of some of the lines whose demand is drawn once."""

    def __init__(self, drawn: Once, terms: Terms, rows: Ints) -> None:
        self.drawn, self.terms, self.rows = drawn, terms, rows

    def units(self, step: int) -> Floats:
        """[lines, paths] units demanded in a step."""
        return np.asarray(self.drawn.of_pairs(self.terms.first, self.terms.series, step)[self.rows])


def _bends(terms: Terms, paths: StockPaths, demand: _Rows) -> tuple[Floats, Floats]:
    """[later periods, lines, paths] b_jt, and [lines, paths] Y' (-inf: the next order sees nothing of the window)."""
    lead, cover = int(terms.lead[0]), int(terms.cover[0])
    level, need = terms.critical_ratio(), paths.need[-1]
    count = int(windows(terms.lead[:1], terms.cover[:1])[0])
    units = [demand.units(step) for step in range(lead + cover * (1 + count))]
    total = np.concatenate([np.zeros_like(need)[None], np.cumsum(units, axis=0)])
    quantity = np.maximum(row_quantile(need, level), 0.0)[:, None]
    lost = _lost_before(terms, units[:lead])
    lost += [lost[-1] + np.maximum(each - quantity, 0.0) for each in paths.need]
    known = max(cover - lead, 0)
    seen = paths.need[known - 1] if known else np.full_like(need, -np.inf)
    bend, bends = need, []
    for j in range(1, count + 1):
        day, opens = j * cover, lead + j * cover
        sold = total[opens] - total[day] - (lost[opens] - lost[day])
        needs = sold + total[opens + 1 : opens + cover + 1] - total[opens]
        base = row_quantile(needs[-1], level)[:, None]
        extra = np.maximum(bend - quantity, 0.0) - np.maximum(seen - quantity, 0.0)
        lacking = np.maximum(needs + extra - base, 0.0)
        bends += list(np.maximum(bend - lacking, seen))
        lost += [lost[opens] + np.maximum(each - base, 0.0) for each in needs]
        bend = bends[-1]
    return np.stack(bends), seen


def _lost_before(terms: Terms, units: list[Floats]) -> list[Floats]:
    """[lead + 1] of [lines, paths]: sales lost before each step until tonight's order arrives."""
    stock = np.repeat(terms.on_hand[:, None], units[0].shape[1], axis=1)
    lost = [np.zeros_like(stock)]
    for step, demanded in enumerate(units):
        left = stock + arriving(terms, step) - demanded
        lost.append(lost[-1] + np.maximum(-left, 0.0))
        stock = np.maximum(left, 0.0)
    return lost
