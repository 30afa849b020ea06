"""Thousands of nights of the plan's own code on published inventory problems: what orders cost in the long run, beside the optimum.

    python benchmarks/closed_loop.py [--kinds lost_sales,reviews] [--replications 40] [--warm-up 28] [--nights 56] [--seed 1]

Each night orders by the plan's own functions (benchmarks/night_loop.py), on paths drawn from the law of demand, which it is told as
published forecasts; then the law draws the day's demand. Sales that stock can't meet are lost, holding costs 1 a unit and period.
Optima are computed by benchmarks/optima.py. The optimal orders are rolled on the same demand, and what luck did to them is taken off
(a control variate). Ends with 1 where a limit is missed.

base_stock   lead time 0, an order every day: newsvendor (Arrow, Harris and Marschak, Econometrica 19, 1951)
reviews      order days "mon" and "mon,thu", lead times 0 to 2: (R, S), and the optimum by value iteration
order_costs  Zheng and Federgruen, Operations Research 39 (1991), table 1: Poisson, shortage 9, order cost 64, lead time 0 (there demand
             waits: without a lead time and a cost of buying that costs the same); and leads of 1 and 2 with lost sales
lost_sales   Zipkin, Operations Research 56 (2008): demand of mean 5, Poisson and geometric, shortage 4 to 39, lead times 1 to 4
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.night_loop import Loop, Point
from benchmarks.optima import Floats, Optimum, geometric, negative_binomial, poisson, with_pipeline, with_reviews

KINDS = ("base_stock", "reviews", "order_costs", "lost_sales")
#: Share of cost above the optimum that is allowed.
LIMITS = {"base_stock": 0.03, "reviews": 0.03, "order_costs": 0.06, "lost_sales": 0.03}
_GAPS = {"": (1,), "mon": (7,), "mon,thu": (3, 4)}
#: Average costs as published, to their last digit.
ZIPKIN = {
    ("Poisson 5", 4.0): (4.04, 4.40, 4.60, 4.73), ("Poisson 5", 9.0): (5.44, 6.09, 6.53, 6.84),
    ("Poisson 5", 19.0): (6.68, 7.66, 8.36, 8.89), ("Poisson 5", 39.0): (7.84, 9.11, 10.04, 10.79),
    ("geometric 5", 4.0): (9.82, 10.24, 10.47, 10.61), ("geometric 5", 9.0): (14.51, 15.50, 16.14, 16.58),
    ("geometric 5", 19.0): (19.22, 20.89, 22.06, 22.95), ("geometric 5", 39.0): (23.87, 26.21, 27.96, 29.36),
}  # fmt: skip
ZHENG_FEDERGRUEN = {10: 35.022, 15: 42.698, 20: 49.173, 25: 54.262}


@dataclass(frozen=True)
class Instance:
    """A problem, and its average cost as published (None: computed here only)."""

    kind: str
    point: Point
    published: float | None = None

    def optimum(self) -> Optimum:
        """The least average cost a night, and its orders."""
        point = self.point
        if _GAPS[point.order_days] == (1,) and point.lead > 0:
            return with_pipeline(point.law, point.lead, point.shortage, point.order_cost)
        return with_reviews(point.law, _GAPS[point.order_days], point.lead, point.shortage, point.order_cost)


def instances(kind: str) -> list[Instance]:
    """The problems of a kind."""
    if kind == "base_stock":
        laws = (poisson(5), negative_binomial(5, 15), geometric(5), poisson(0.5))
        return [Instance(kind, Point(law, 0, p)) for law in laws for p in (4.0, 19.0)]
    if kind == "reviews":
        some = ((poisson(5), 0, 19.0, "mon"), (poisson(5), 2, 39.0, "mon"), (negative_binomial(5, 15), 2, 39.0, "mon"),
                (poisson(5), 0, 19.0, "mon,thu"), (poisson(5), 1, 19.0, "mon,thu"), (poisson(5), 2, 9.0, "mon,thu"),
                (negative_binomial(5, 15), 2, 39.0, "mon,thu"))  # fmt: skip
        return [Instance(kind, Point(law, lead, p, days)) for law, lead, p, days in some]
    if kind == "order_costs":
        published = [Instance(kind, Point(poisson(mean), 0, 9.0, order_cost=64.0), cost) for mean, cost in ZHENG_FEDERGRUEN.items()]
        own = ((1, 25.0), (1, 64.0), (2, 25.0))
        return [*published, *(Instance(kind, Point(poisson(5), lead, 9.0, order_cost=cost)) for lead, cost in own)]
    laws_by_name = {law.name: law for law in (poisson(5), geometric(5))}
    return [
        Instance(kind, Point(laws_by_name[name], lead, p), costs[lead - 1]) for (name, p), costs in ZIPKIN.items() for lead in (1, 2, 3, 4)
    ]


def against(loop: Loop, cost: Floats, best: list[Optimum], warm_up: int) -> Floats:
    """[stocking points] average costs less what luck did to them: what the same demand did to the optimal orders, whose mean is known."""
    demand = np.stack(loop.demand)
    result = cost.copy()
    for k, optimum in enumerate(best):
        mine = loop.of == k
        luck = optimum.on(demand[:, mine], loop.stock[mine][0])[warm_up:].mean(axis=0) - optimum.cost
        result[mine] -= luck
    return result


def main() -> None:
    """Roll the nights of each kind, print a row an instance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--replications", type=int, default=40)
    parser.add_argument("--warm-up", type=int, default=28)
    parser.add_argument("--nights", type=int, default=56)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print("| kind | demand | lead | shortage | order days | order cost | published | optimum | ours | standard error | above |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    every = True
    for kind in args.kinds.split(","):
        some, began = instances(kind), time.process_time()
        loop = Loop([each.point for each in some], args.replications, args.seed)
        cost = loop.run(args.warm_up, args.nights)
        best = [each.optimum() for each in some]
        for each, optimum, ours, error in zip(
            some, [x.cost for x in best], *loop.averages(against(loop, cost, best, args.warm_up)), strict=True
        ):
            point = each.point
            above = ours / optimum - 1
            every &= above <= LIMITS[kind]
            cells = [kind, point.law.name, str(point.lead), f"{point.shortage:g}", point.order_days or "every", f"{point.order_cost:g}"]
            cells += ["" if each.published is None else f"{each.published:g}", f"{optimum:.3f}", f"{ours:.3f}", f"{error / optimum:.2%}"]
            print("|", " | ".join([*cells, f"{above:+.2%}"]), "|", flush=True)
        print(f"{kind}: {time.process_time() - began:.0f} CPU seconds", file=sys.stderr)
    sys.exit(0 if every else 1)


if __name__ == "__main__":
    main()
