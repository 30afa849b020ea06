"""How many periods ahead a night must forecast: what its lanes need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.config import Config

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: Forecasts stop here, whatever the lanes say: beyond, a plan repeats the last periods.
LONGEST = {"day": 28, "week": 13}
#: Windows looked beyond the one that an order covers (design.md section 7).
_WINDOWS_BEYOND = 2


def horizon(lanes: Iterable[Mapping[str, Any]], config: Config) -> int:
    """Periods to forecast.

    Config's horizon if set; else the most that a lane needs: until the order of its next order day has arrived,
    and two windows beyond, at most LONGEST.

    lanes  rows with lead_time_days and order_days, as the night sees them
    """
    if config.horizon:
        return config.horizon
    default = config.lanes.default_lead_time_days
    needs = [_need(lane["lead_time_days"], lane["order_days"], default, config.period_days) for lane in lanes]
    return min(max(needs, default=_need(default, None, default, config.period_days)), LONGEST[config.grain])


def _need(lead_time: int | None, order_days: str | None, default: int, period_days: int) -> int:
    lead = default if lead_time is None else lead_time
    if period_days == 7:
        return max(1, ceil(lead / 7) + 1 + _WINDOWS_BEYOND)
    days = sorted(parse_order_days(order_days, lead).items())
    if not days:
        return 1
    following = [*days[1:], (days[0][0] + 7, days[0][1])]
    windows = [(later - day, max(ours, later - day + theirs)) for (day, ours), (later, theirs) in zip(days, following, strict=True)]
    gap = max(window for window, _ in windows)
    return max(until for _, until in windows) + _WINDOWS_BEYOND * gap


def parse_order_days(order_days: str | None, lead_time: int) -> dict[int, int]:
    """Weekday (0 = Monday) -> lead time; every day where nothing is said. The feed's check has seen to its form."""
    text = (order_days or "").replace(" ", "").lower()
    if not text:
        return dict.fromkeys(range(7), lead_time)
    parts = (part.partition(":") for part in text.split(","))
    return {WEEKDAYS.index(day): int(own) if own else lead_time for day, _, own in parts}
