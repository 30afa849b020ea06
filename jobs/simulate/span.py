"""The nights of a simulation: which there are, which count, and which spans say nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from jobs.errors import UsageError
from jobs.forecast.examples import LEAST_HISTORY
from jobs.plan import schedule

if TYPE_CHECKING:
    from jobs.config import Config
    from jobs.lake import Lake

#: A span is at least so many times as long as what old orders fix.
LEAST_SPANS = 4
_WEEK = 7
_NO_SALES = "{} has no sales: run `nightfill nightly` (or `nightfill ingest`) on the landing folder first"


@dataclass(frozen=True)
class Span:
    """Nights first .. last; the first ``fixed`` of them are fixed by older orders (lead time + review) and don't count."""

    first: date
    last: date
    fixed: int

    @property
    def nights(self) -> int:
        """How many nights are simulated."""
        return (self.last - self.first).days + 1

    @property
    def counted(self) -> slice:
        """The nights that count."""
        return slice(self.fixed, self.nights)

    def day(self, number: int) -> date:
        """The date of a night."""
        return self.first + timedelta(days=number)


def of(lake: Lake, config: Config, first: date, last: date, *, endless: bool = False) -> Span:
    """The span of two dates; ``endless``: what is wanted after the last day with sales is known too.

    Raises UsageError where it can't be simulated, saying why and what could be.
    """
    if config.grain != "day":
        raise UsageError("`nightfill simulate` replays days; grain = week is not simulated yet")
    if last < first:
        raise UsageError(f"--last {last} is before --first {first}")
    history, newest = _bounds(lake)
    if history is None or newest is None:
        raise UsageError(_NO_SALES.format(lake.root))
    earliest = history + timedelta(days=LEAST_HISTORY[config.grain])
    if first < earliest:
        raise UsageError(f"--first {first} has too little history: sales begin on {history}, so {earliest} is the first night possible")
    if last > newest and not endless:
        raise UsageError(f"--last {last} is after the last day with sales, {newest}: what was wanted then is not known")
    found = Span(first, last, longest(lake, config, first))
    least = LEAST_SPANS * found.fixed
    if found.nights < least:
        raise UsageError(
            f"{first} to {last} are {found.nights} nights; lead time + review is {found.fixed}, and with fewer than {LEAST_SPANS} times "
            f"as many ({least}) what old orders fix and what is left at the end would decide. The last night would be "
            f"{first + timedelta(days=least - 1)} or later"
        )
    return found


def longest(lake: Lake, config: Config, day: date) -> int:
    """Nights from an order to the arrival of the next order day's, at most: the longest of all lanes, of orders of any weekday."""
    lanes = lake.arrow_as_of("silver/lanes", max(day, first_drop(lake)), ("lead_time_days", "order_days"))
    default = config.lanes.default_lead_time_days
    kinds = {(row["order_days"], row["lead_time_days"]) for row in lanes.to_pylist()} or {(None, default)}
    wide = {default if lead is None else lead for _, lead in kinds}
    spans = [1]
    for days, lead in kinds:
        # A row of an item without lead time has its lane's: any of them.
        for each in wide if lead is None else {lead}:
            found = schedule.deliveries(schedule.lead_times(days, each, default), day, frozenset(), config.period_days, _WEEK)
            spans += [delivery.until - delivery.ordered for delivery in found]
    return max(spans)


def first_drop(lake: Lake) -> date:
    """The night from which the landing's first drop is known."""
    known = lake.arrow("silver/items", ["known_from"])["known_from"]
    return pc.min(known).as_py() or date.min


def newest(lake: Lake) -> date:
    """The last day with sales. Raises UsageError where there is none."""
    found = _bounds(lake)[1]
    if found is None:
        raise UsageError(_NO_SALES.format(lake.root))
    return found


def _bounds(lake: Lake) -> tuple[date | None, date | None]:
    """First and last day of silver/demand."""
    periods = lake.arrow("silver/demand", ["period"])["period"]
    return pc.min(periods).as_py(), pc.max(periods).as_py()
