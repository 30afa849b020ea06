"""What mode joint is worth beside stochastic in a world, and what training it costs.

    python benchmarks/joint.py WORLD.toml LAKE [--spread 0.5] [--nights N]

LAKE has read the world's first drop (docs/modes.md). ``--spread`` plants a fault: the spread of demand is taken for so many times what
was measured, in both ways of deciding. Money over the nights that count, processor seconds of this process.
"""

from __future__ import annotations

import argparse
import time
from datetime import timedelta

import numpy as np

from jobs.config import Config
from jobs.forecast import here
from jobs.lake import Lake
from jobs.learn.joint_train import taught_here
from jobs.simulate import compare, running, span
from jobs.simulate.policies import POLICIES
from jobs.simulate.replay import Given, Run
from jobs.simulate.world import load

MODES = ("stochastic", "joint")


def main() -> None:
    """Simulate both and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("world")
    parser.add_argument("lake")
    parser.add_argument("--spread", type=float, default=1.0)
    parser.add_argument("--nights", type=int, default=49)
    args = parser.parse_args()
    config, made, lake = Config.model_validate({"simulation": {"spread": args.spread}}), load(args.world), Lake(args.lake)
    first = made.span.first_drop
    nights = span.of(lake, config, first, first + timedelta(days=args.nights - 1), endless=True)
    setting = running.setting(lake, config, nights, made)
    began = time.process_time()
    model = here.train(setting.base, config, first)
    plain = time.process_time() - began
    if model is None:
        raise SystemExit("too little history for a model")
    found = taught_here(model, setting.base, config, first)
    own = time.process_time() - began - plain
    print(f"training: plain {plain:.1f} processor s, joint part {own:.1f}: {1 + own / plain:.1f} times the plain model in all")
    print(found.joint)
    ((_, seed, market),) = setting.markets
    outcomes = []
    for mode in MODES:
        run = Run(Given(setting.begins, setting.base, market, nights, config, model, here.train, 28), POLICIES[mode])
        for _ in range(nights.nights):
            run.step()
        outcomes.append(running.outcome(run, setting.base, mode, "latent", seed))
        print(f"{mode}: {outcomes[-1].total:,.0f}")
    before, after = outcomes
    gap = compare.difference(after, before, np.ones(len(before.items), bool), config.seed)
    share = [f"{value / before.total:+.1%}" for value in (gap.money, gap.low, gap.high)]
    old, new = (each.books.units["ordered"][nights.counted] for each in outcomes)
    placed = (old > 0) | (new > 0)
    print(f"joint - stochastic: {gap.money:+,.0f} = {share[0]} ({share[1]} .. {share[2]}), {gap.blocks} blocks of weeks drawn")
    print(f"{(old != new)[placed].mean():.1%} of {placed.sum()} orders differ")


if __name__ == "__main__":
    main()
