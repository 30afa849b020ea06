"""How many demand paths are enough: a night planned with 32, 64, 128, ... of them, and its orders costed on fresh paths.

    python benchmarks/paths.py --lake LAKE --business-date D [--paths 64,128,256] [--judge 1024]

Plans a published night again from what it saw, with as many paths as said (same seed and dependence), as the stage `plan` does,
and writes nothing. The limit: twice as many paths as the settings say change cost_fresh by less than 0.5%. With --judge all
are judged by so many fresh paths, which shows what choosing by few paths costs by itself.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jobs import session
from jobs.config import Config
from jobs.forecast.ranks import PathRanks
from jobs.lake import Lake
from jobs.plan import inputs, writing
from jobs.plan.shards import planned

LIMIT = 0.005


@dataclass(frozen=True, slots=True)
class Judged(PathRanks):
    """Ranks whose fresh ones are more."""

    judge: int = 0

    def fresh(self) -> PathRanks:
        """The fresh ranks of the judge's number of paths."""
        return replace(PathRanks.fresh(self), paths=self.judge or self.paths)


def certificate(lake: Lake, config: Config, night: date, paths: int, judge: int) -> dict[str, Any]:
    """The whole night's certificate with so many paths, and seconds."""
    seen = inputs.night_of(lake, config, night)
    ranks = Judged(paths, seen.ranks.seed, seen.ranks.dependence, judge=judge)
    shards = inputs.by_shard(inputs.sources(lake, seen), config.planning.shards)
    began = time.monotonic()
    with planned(shards, replace(seen, ranks=ranks)) as (result, _):
        small = writing.collect(result, ["pools", "certificate", "fresh"])
    whole = small["certificate"]
    rows = (
        writing.certificates(small["pools"], small["fresh"]) if whole.is_empty() else writing.certificates_together(whole, small["fresh"])
    )
    return {**rows.row(0, named=True), "paths": paths, "seconds": time.monotonic() - began}


def main() -> int:
    """Plan, print the table; 1 when doubling the settings' paths changes cost_fresh by the limit or more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lake", required=True)
    parser.add_argument("--business-date", required=True, type=date.fromisoformat)
    parser.add_argument("--paths", default="64,128,256")
    parser.add_argument("--judge", type=int, default=0, help="fresh paths that judge all of them; default: as many as choose")
    args = parser.parse_args()
    spark = session.start()
    published = Lake(args.lake, spark)
    run = published.published_runs()[args.business_date]
    row = published.arrow("ops/nights", ["config"], [("run_id", "=", run)]).to_pylist()[0]
    config, lake = Config.model_validate_json(row["config"]), published.for_run(run)
    print("| paths | cost | cost_fresh | standard error | sampling_bias | base stock | nothing | change of cost_fresh | seconds |")
    print("|---|---|---|---|---|---|---|---|---|")
    before: dict[str, Any] | None = None
    changes = {}
    for paths in (int(text) for text in args.paths.split(",")):
        found = certificate(lake, config, args.business_date, paths, args.judge)
        change = found["cost_fresh"] / before["cost_fresh"] - 1 if before else float("nan")
        changes[paths] = change
        print(
            f"| {paths} | {found['cost']:.2f} | {found['cost_fresh']:.2f} | {found['cost_fresh_se']:.2f} |"
            f" {found['sampling_bias'] / found['cost']:.3%} | {found['cost_fresh_base_stock']:.2f} | {found['cost_fresh_nothing']:.2f} |"
            f" {change:+.3%} | {found['seconds']:.1f} |", flush=True,
        )  # fmt: skip
        before = found
    doubled = changes.get(2 * config.planning.paths, 0.0)
    return int(abs(doubled) >= LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
