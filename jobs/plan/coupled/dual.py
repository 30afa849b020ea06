"""Prices that make the bound high: bisection of every multiplier at once, then sign-based steps.

Steps look at the sign of the subgradient alone (Riedmiller, Braun, 1993, Rprop): a multiplier whose sign stays moves
faster, one whose sign turns moves half as far. Prices of very different size do each other no harm, which a common
step length would (docs/decisions/price_coordination.md).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from jobs.plan.coupled.problem import Flags, Floats, Ints, Problem, taken, totals, used_by
from jobs.plan.coupled.relaxation import Branch, Evaluation, Multipliers, Relaxed, Rows, Searches, evaluate, nothing_priced, priced_use
from jobs.workers import mapped

_FASTER, _SLOWER = 1.3, 0.5
#: Halvings of all prices at once before steps: fewer are better where fewer than a hundred rounds follow or time may be short.
_BISECTIONS, _BISECTIONS_OF_FEW, _MANY_ROUNDS = 14, 5, 100


@dataclass(frozen=True)
class Dual:
    """The best multipliers found, what the Lagrangian is there, rounds done, and whether time cut them."""

    at: Multipliers
    evaluation: Evaluation
    rounds: int
    cut: bool = False


@dataclass
class Steps:
    """Step length and last sign of a group of multipliers."""

    length: Floats
    sign: Floats

    def move(self, x: Floats, gradient: Floats, low: Floats | float = 0.0, high: Floats | float = np.inf) -> Floats:
        """Where x is after one step up its gradient's sign."""
        # At an end nothing moves outward, and no step may grow by staying there.
        sign = np.sign(np.where(((x <= low) & (gradient < 0)) | ((x >= high) & (gradient > 0)), 0.0, gradient))
        turn = sign * self.sign
        self.length = self.length * np.where(turn > 0, _FASTER, np.where(turn < 0, _SLOWER, 1.0))
        self.sign = sign
        return np.clip(x + sign * self.length, low, high)


def maximise(relaxed: Relaxed, rounds: int, deadline: float | None = None) -> Dual:
    """Prices and multipliers of a high bound; the best seen within ``rounds`` sign-based steps.

    Few rounds, or little time, call for few bisections.
    """
    searches = Searches.of(relaxed)
    at, scale, spent = _bisected(relaxed, searches, rounds, deadline)
    groups = _groups(relaxed, at, scale)
    best, best_value = at, evaluate(relaxed, at, searches)
    now = best_value
    done = 0
    while done < rounds and not (deadline is not None and time.monotonic() > deadline):
        at = _stepped(relaxed, at, now, searches, groups)
        now = evaluate(relaxed, at, searches)
        done += 1
        if now.bound > best_value.bound:
            best, best_value = at, now
    return Dual(best, best_value, done + spent, cut=done < rounds)


def _bisected(relaxed: Relaxed, searches: Searches, rounds: int, deadline: float | None) -> tuple[Multipliers, tuple[Floats, Floats], int]:
    """Every price and order minimum between 0 and what would drive every line to its end, halved again and again."""
    problem, terms = relaxed.problem, relaxed.problem.terms
    at = nothing_priced(relaxed)
    high, high_mu = _price_ceiling(relaxed), _minimum_ceiling(relaxed)
    scale = high.copy(), high_mu.copy()
    low, low_mu = np.zeros_like(high), np.zeros_like(high_mu)
    # The first look is at price 0: what is kept there has price 0.
    began, done = time.monotonic(), 0
    halvings = _BISECTIONS if rounds >= _MANY_ROUNDS else _BISECTIONS_OF_FEW
    while done < halvings:
        now = evaluate(relaxed, at, searches)
        over = used_by(problem, now.n) > problem.limit
        value = np.add.reduceat(problem.value * now.few, terms.lines[:-1])
        short = (value < terms.minimum) & (high_mu > 0)
        low, high = np.where(over, at.price, low), np.where(over, high, at.price)
        low_mu, high_mu = np.where(short, at.few.mu, low_mu), np.where(short, high_mu, at.few.mu)
        mu = (low_mu + high_mu) / 2
        done += 1
        if done == 1 and deadline is not None and (time.monotonic() - began) * _MANY_ROUNDS > deadline - began:
            halvings = _BISECTIONS_OF_FEW
        at = replace(at, price=(low + high) / 2, few=replace(at.few, mu=mu), many=replace(at.many, mu=mu))
    volume = np.add.reduceat(problem.volume * now.few, terms.lines[:-1])
    price = high if done == _BISECTIONS else at.price
    return replace(at, price=price, trucks=_trucks(problem, volume), nu=_first_nu(relaxed, at, searches)), scale, halvings


def _trucks(problem: Problem, volume: Floats) -> Ints:
    return np.asarray(np.floor(volume / problem.terms.truck_volume), np.int64)


def _price_ceiling(relaxed: Relaxed) -> Floats:
    """[resources + 1] a price at which no line takes more than its least."""
    problem, hulls = relaxed.problem, relaxed.hulls
    steepest = _line_extreme(hulls.first, np.where(np.isfinite(hulls.up), -hulls.up, 0.0))
    high = np.zeros(len(problem.limit))
    for layer in problem.layers:
        per_unit = np.where(layer.use > 0, steepest / np.where(layer.use > 0, layer.use, 1.0), 0.0)
        np.maximum.at(high, layer.resource, per_unit)
    high[-1] = 0.0
    return high


def _minimum_ceiling(relaxed: Relaxed) -> Floats:
    """[orders] a multiplier of the minimum at which every line takes its most; 0 without a minimum."""
    problem, hulls = relaxed.problem, relaxed.hulls
    steepest = _line_extreme(hulls.first, np.where(np.isfinite(hulls.up), hulls.up, 0.0))
    linear = (problem.terms.truck_cost / problem.terms.truck_volume)[problem.order] * problem.volume
    per_value = np.where(problem.value > 0, (steepest + linear) / np.where(problem.value > 0, problem.value, 1.0), 0.0)
    return np.where(problem.terms.minimum > 0, np.maximum.reduceat(per_value, problem.terms.lines[:-1]), 0.0)


def _line_extreme(first: Ints, slope: Floats) -> Floats:
    return np.maximum(np.maximum.reduceat(slope, first[:-1]), 0.0)


def _first_nu(relaxed: Relaxed, at: Multipliers, searches: Searches) -> Floats:
    """The second best gain of each choice: at it, only the best line still pays."""
    problem = relaxed.problem
    nu = np.zeros(len(problem.must))
    if not len(nu):
        return nu
    # Gains of single lines: the value of each list at the branch's prices against not ordering.
    member = np.flatnonzero(problem.choice >= 0)
    order = problem.order[member]
    price = priced_use(problem, at.price)[member] + at.few.lam[order] * problem.volume[member] - at.few.mu[order] * problem.value[member]
    vertex = searches.few.vertex[member]
    gain = -(relaxed.hulls.cost[vertex] + price * relaxed.hulls.n[vertex])
    rank = np.lexsort((-gain, problem.choice[member]))
    second = np.flatnonzero(np.diff(problem.choice[member][rank], prepend=-1) == 0)
    second = second[(second == 1) | (np.diff(problem.choice[member][rank], prepend=-1)[second - 1] != 0)]
    nu[problem.choice[member][rank][second]] = gain[rank][second]
    return np.where(problem.must, nu, np.maximum(nu, 0.0))


def _groups(relaxed: Relaxed, at: Multipliers, scale: tuple[Floats, Floats]) -> dict[str, Steps]:
    """First step lengths: a tenth of the multiplier, and never so small that it could not grow."""
    terms = relaxed.problem.terms
    price, mu = (np.maximum(x * 0.1, top / 2**_BISECTIONS) for x, top in zip((at.price, at.few.mu), scale, strict=True))
    lam = 0.2 * terms.truck_cost / terms.truck_volume
    lengths = {"price": price, "mu_few": mu, "mu_many": mu, "lam_few": lam, "lam_many": lam}
    lengths["kappa_few"] = lengths["kappa_many"] = _first_kappa(relaxed, price)
    lengths["nu"] = np.maximum(0.1 * np.abs(at.nu), 1e-3)
    return {name: Steps(length, np.zeros_like(length)) for name, length in lengths.items()}


def _first_kappa(relaxed: Relaxed, price: Floats) -> Floats:
    """[own limits + 1] a tenth of the first step of the resource that each is a limit of: its price does most of the work."""
    return 0.1 * price[relaxed.own.resource]


def _own_excess(relaxed: Relaxed, rows: Rows, n: Ints) -> Floats:
    """[own limits + 1] what is taken beyond each."""
    used = taken(rows.own, n, len(relaxed.own.limit))
    used[-1] = 0.0
    return used - np.where(np.isfinite(relaxed.own.limit), relaxed.own.limit, 0.0)


def _stepped(relaxed: Relaxed, at: Multipliers, now: Evaluation, searches: Searches, groups: dict[str, Steps]) -> Multipliers:
    """All multipliers after one step; the truck count follows when a branch's volume lies beyond it."""
    problem, terms = relaxed.problem, relaxed.problem.terms
    price = groups["price"].move(at.price, used_by(problem, now.n) - problem.limit)
    price[-1] = 0.0
    nu = at.nu
    if len(nu):
        member = problem.choice >= 0
        ordered = totals(problem.choice[member], (now.n[member] > 0).astype(float), len(nu))
        nu = groups["nu"].move(nu, ordered - 1.0, np.where(problem.must, -np.inf, 0.0))
    linear, trucks = terms.truck_cost / terms.truck_volume, at.trucks

    def step(few: bool) -> tuple[Branch, Floats]:
        branch, rows, n, opened = (
            (at.few, searches.few, now.few, now.open_few) if few else (at.many, searches.many, now.many, now.open_many)
        )
        name = "few" if few else "many"
        return _branch_step(relaxed, branch, rows, n, at.trucks + (not few), (groups, name), now.matters(opened))

    (few, volume), *rest = mapped(step, (True, False) if len(relaxed.in_trucks) else (True,))
    has = terms.truck_cost > 0
    full = np.where(has, terms.truck_volume, 0.0)
    fewer = has & (at.few.lam <= linear) & (volume < full * at.trucks)
    trucks, many = np.where(fewer, _trucks(problem, volume), trucks), at.many
    if rest:
        many, volume = rest[0]
        more = has & (at.many.lam >= linear) & (volume > full * (at.trucks + 1))
        trucks = np.where(more, _trucks(problem, volume), trucks)
    return Multipliers(price, nu, few, many, trucks)


def _branch_step(
    relaxed: Relaxed, at: Branch, rows: Rows, n: Ints, trucks: Ints, group: tuple[dict[str, Steps], str], matters: Flags
) -> tuple[Branch, Floats]:
    """Multipliers of a branch after one step, and the volume of each order in it."""
    terms = relaxed.problem.terms
    groups, name = group
    value, volume = (totals(rows.order, each * n, len(trucks)) for each in (rows.value, rows.volume))
    linear, has = terms.truck_cost / terms.truck_volume, terms.truck_cost > 0
    short = np.where(matters & (terms.minimum > 0), terms.minimum - value, 0.0)
    room = np.where(has, terms.truck_volume, 0.0) * trucks
    heavy = np.where(matters & has, volume - room, 0.0)
    low, high = (linear, np.inf) if name == "few" else (0.0, linear)
    excess = _own_excess(relaxed, rows, n)
    excess[:-1] *= matters[relaxed.own.order]
    mu = groups[f"mu_{name}"].move(at.mu, short)
    lam = groups[f"lam_{name}"].move(at.lam, heavy, low, high)
    return Branch(mu, lam, groups[f"kappa_{name}"].move(at.kappa, excess)), volume
