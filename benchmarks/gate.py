"""How often the change gate lets through what costs the same, and what costs 3% more: real replays, seed by seed.

    python benchmarks/gate.py [--seeds 20] [--lines 1000] [--nights 63] [--dearer 0.03]

The chain of benchmarks/simulation.py, the baseline forecasting. Live and candidate have the same settings but for the seed of their demand
paths (A/A: they order differently by chance alone); each seed draws other paths and, in the recovered demand, other customers. The
planted candidate is the same with every cost times 1.03. Prints a line a seed and what passed; the margin is 1%.

Ends with 1 where fewer than 95% of the A/A comparisons pass or fewer than 90% of the planted ones are refused.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.simulation import FIRST, chain
from jobs.config import Config
from jobs.lake import Lake
from jobs.simulate import gate, noninferior, running, span
from jobs.simulate.measures import Outcome

MARGIN, LEAST_PASSED, LEAST_REFUSED = 0.01, 0.95, 0.9


def main() -> int:
    """Replay every seed, print the table; 1 when a limit is missed."""
    args = _parser().parse_args()
    passed, refused = [], []
    print("| seed | A/A: difference | standard error | verdict | planted | nights needed |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="nightfill-benchmark-") as work:
        chain(Path(work), args.lines, args.nights)
        for seed in range(1, args.seeds + 1):
            live, candidate = replayed(Path(work), args.nights, seed)
            same = noninferior.judge(candidate, live, MARGIN)
            books = replace(candidate.books, money={name: value * (1 + args.dearer) for name, value in candidate.books.money.items()})
            planted = noninferior.judge(replace(candidate, books=books, left=candidate.left * (1 + args.dearer)), live, MARGIN)
            passed.append(same.word == "passes")
            refused.append(planted.word != "passes")
            gap = (same.candidate - same.live) / same.live
            print(f"| {seed} | {gap:+.2%} | {same.error / same.live:.2%} | {same.word} | {planted.word} | {same.needed} |", flush=True)
    print(f"A/A passed {np.mean(passed):.0%}, {args.dearer:+.0%} refused {np.mean(refused):.0%}")
    return 0 if np.mean(passed) >= LEAST_PASSED and np.mean(refused) >= LEAST_REFUSED else 1


def replayed(work: Path, nights: int, seed: int) -> tuple[Outcome, Outcome]:
    """Outcomes of settings that differ in the seed of their paths alone."""
    lake, last = Lake(str(work / "lake")), FIRST + timedelta(days=nights - 1)
    live = Config.model_validate({"seed": seed, "simulation": {"demand": ["recovered"], "seeds": [seed]}})
    other = live.model_copy(update={"seed": 1_000_000 + seed})
    over = span.of(lake, live, FIRST, last)
    sides = gate.Side(gate.LIVE, live, None, gate.keep), gate.Side(gate.CANDIDATE, other, None, gate.keep)
    (pair,) = gate.replayed(running.setting(lake, live, over), over, sides, nights, work / f"seed-{seed}")
    return pair


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--nights", type=int, default=63)
    parser.add_argument("--dearer", type=float, default=0.03, help="how much more the planted candidate costs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
