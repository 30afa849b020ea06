"""What a solution says of itself (certificate.json)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.plan.coupled.solve import Solved


def certificate_of(solved: Solved, seconds: float) -> dict[str, float | bool | str | None]:
    """Fixed keys first. gap_saving: the gap as a share of what ordering saves against nothing (null: nothing saved, or not allowed)."""
    above = solved.cost - solved.bound
    saved = solved.cost_of_nothing - solved.cost
    return {
        "cost": solved.cost, "lower_bound": solved.bound, "gap": above / max(abs(solved.cost), 1e-9),
        "feasible": solved.feasible, "seconds": round(seconds, 3), "degraded": solved.degraded,
        "rung": solved.rung, "rounds": solved.rounds, "cost_free": solved.cost_free,
        "cost_of_nothing": solved.cost_of_nothing if math.isfinite(solved.cost_of_nothing) else None,
        "gap_saving": above / saved if math.isfinite(saved) and saved > 0 else (0.0 if above == 0 else None),
    }  # fmt: skip
