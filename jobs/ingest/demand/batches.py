"""Which nights are computed together, and for which locations and periods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow as pa

from jobs.ingest.demand.changes import Touch

Firsts = dict[str, date]


@dataclass(frozen=True)
class Batch:
    """Nights computed by one query, as the last of them sees the inputs.

    The later nights of a batch only add periods that the first could not see yet, so what the last one sees of an
    older period is what all of them saw. ``scope`` gives the first period to compute by location.
    """

    nights: tuple[date, ...]
    scope: Firsts = field(default_factory=dict)

    @property
    def firsts(self) -> pa.Table:
        """The scope as a table: location_id, first."""
        return firsts_table(self.scope)

    @property
    def start(self) -> date:
        """The first night."""
        return self.nights[0]

    @property
    def last(self) -> date:
        """The night as of which the batch is computed."""
        return self.nights[-1]


@dataclass(frozen=True)
class Landed:
    """Of which dates sales are visible, night by night: date -> night -> rows that appear (less those that vanish)."""

    steps: Mapping[date, Mapping[date, int]]
    step: int

    @staticmethod
    def of(rows: Iterable[tuple[date, date, date | None, int]], step: int) -> Landed:
        """From (date, first night, first night no more, rows)."""
        steps: dict[date, dict[date, int]] = defaultdict(lambda: defaultdict(int))
        for day, start, end, count in rows:
            steps[day][start] += count
            if end is not None:
                steps[day][end] -= count
        return Landed(steps, step)

    def without(self, changed: Iterable[Touch]) -> Landed:
        """As it was before these changes."""
        steps = {day: dict(nights) for day, nights in self.steps.items()}
        for touch in changed:
            if touch.source == "silver/sales":
                nights = steps.setdefault(touch.first, {})
                nights[touch.night] = nights.get(touch.night, 0) - touch.sales_rows
        return Landed(steps, self.step)

    @property
    def nights(self) -> list[date]:
        """Nights on which anything appears or vanishes."""
        return sorted({night for nights in self.steps.values() for night, count in nights.items() if count})

    def days(self, night: date) -> set[date]:
        """Dates of which any sale is visible."""
        return {day for day, nights in self.steps.items() if sum(n for at, n in nights.items() if at <= night) > 0}

    def first(self, night: date) -> date | None:
        """First period that counts: with grain week, an incomplete first week doesn't."""
        first = min(self.days(night), default=None)
        return first if first is None or self.step == 1 else first + timedelta(days=-first.weekday() % 7)

    def periods(self, night: date) -> list[date]:
        """Periods that count, are over, and of which any sale is visible."""
        first = self.first(night)
        starts = {period_start(day, self.step) for day in self.days(night)}
        return sorted(p for p in starts if first is not None and p >= first and p + timedelta(days=self.step) <= night)

    def appeared(self, before: Landed) -> list[Touch]:
        """Touches of every location where a period landed, or not, differently than before."""
        touches: list[Touch] = []
        known: set[date] = set()
        for night in sorted({*self.nights, *before.nights}):
            now = set(self.periods(night)) ^ set(before.periods(night))
            touches += [_everywhere(night, period) for period in sorted(now - known)]
            known = now
        return touches

    def changed_after(self, start: date) -> list[Touch]:
        """Touches of every location by the periods that landed, or vanished, on nights after ``start``."""
        touches: list[Touch] = []
        known = set(self.periods(start))
        for night in (night for night in self.nights if night > start):
            now = set(self.periods(night))
            touches += [_everywhere(night, period) for period in sorted(now ^ known)]
            known = now
        return touches


def _everywhere(night: date, period: date) -> Touch:
    return Touch(night, None, period, "landed", None, 0)


def period_start(day: date, step: int) -> date:
    """First day of the date's period."""
    return day if step == 1 else day - timedelta(days=day.weekday())


def firsts_table(scope: Firsts) -> pa.Table:
    """Locations with their first period, as a table: location_id, first."""
    return pa.table({"location_id": pa.array(list(scope), pa.string()), "first": pa.array(list(scope.values()), pa.date32())})


def plan(changed: Iterable[Touch], all_later: Iterable[Touch], step: int, locations: Iterable[str]) -> list[Batch]:
    """Batches that bring demand up to date.

    changed    what is new since the last update
    all_later  every touch, old or new, of nights after the first changed one
    locations  all locations: a touch without location is one of each
    """
    everywhere = list(locations)
    new, every = _by_night(changed, step), _by_night([*changed, *all_later], step)
    batches: list[Batch] = []
    dirty: Firsts = {}
    for nights in _groups(every, step):
        entering: Firsts = {}
        for night in nights:
            _spread(entering, new.get(night, {}), everywhere)
        again: Firsts = {}
        for night in nights:
            _spread(again, every[night], everywhere)
        scope = {place: first for place, first in entering.items() if place not in dirty or first < dirty[place]}
        for place, first in entering.items():
            dirty[place] = min(first, dirty.get(place, first))
        for place, first in again.items():
            if place in dirty:
                wanted = max(first, dirty[place])
                scope[place] = min(wanted, scope.get(place, wanted))
        batches.append(Batch(nights, scope))
    return [batch for batch in batches if batch.scope]


def _by_night(touches: Iterable[Touch], step: int) -> dict[date, dict[str | None, date]]:
    nights: dict[date, dict[str | None, date]] = defaultdict(dict)
    for touch in touches:
        known = nights[touch.night]
        first = period_start(touch.first, step)
        known[touch.location] = min(first, known.get(touch.location, first))
    return nights


def _groups(nights: Mapping[date, Mapping[str | None, date]], step: int) -> list[tuple[date, ...]]:
    """Runs of nights of which none touches a period that the one before it could already see."""
    groups: list[list[date]] = []
    for night in sorted(nights):
        late = not groups or min(nights[night].values()) + timedelta(days=step) <= groups[-1][-1]
        if late:
            groups.append([night])
        else:
            groups[-1].append(night)
    return [tuple(group) for group in groups]


def _spread(scope: Firsts, touched: Mapping[str | None, date], everywhere: Iterable[str]) -> None:
    for place, first in touched.items():
        for location in everywhere if place is None else (place,):
            scope[location] = min(first, scope.get(location, first))
