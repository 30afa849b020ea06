"""What events, long events and promotions did: learned from sums before the origin, shared over the hierarchy.

What an item, a location or a category sold on such days is compared with what its like periods sold nearby. Where a group
has sold too little to say, it takes its parent's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.features.clock import Clock
from jobs.features.events import OFFSETS
from jobs.features.season import HIGHEST, Window, ratio

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
#: Code of several events in one period -> the codes of each.
Sets = Mapping[int, tuple[int, ...]]

#: Series-periods of the parent's lift that are mixed into an own one: of an event on its day (stores differ: many are
#: closed) and next to it, of a spell, of a promotion, of how a group answers to events in general.
_EVENT_PRIOR = 3.0
_NEAR_EVENT_PRIOR = 10.0
_SPELL_PRIOR = 10.0
_PROMOTION_PRIOR = 10.0
_ANSWER_PRIOR = 3.0
#: Share of an event's series-periods that must have like ones to be compared with.
_LEAST_COMPARED = 0.5
#: Like periods on each side with which a period is compared.
_NEAR = 4
#: Rounds in which the lifts of events that share periods are told apart.
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class _Found:
    """Lift [groups, codes], the series-periods that it rests on, and whether there were some, but too few to compare."""

    lift: Floats
    count: Floats
    vague: Bools


def event_lifts(windows: Sequence[Window], clock: Clock, codes: int, parent: Floats | None, sets: Sets) -> Floats:
    """Lift [groups, codes] of each event code: sales against the same weekday's nearby without event.

    A group's lift of an event is shrunk to its parent's, times how the group answers to events in general: a store that
    is closed on every holiday is so on one it has not met. At the top a name never seen has the mean lift of the others.
    Code 0 has 1; so has an event that most of its days can't be compared (a calendar that calls every Sunday a holiday:
    what a rare weekday of it tells is not true of the others).
    """
    plain = [window.marks == 0 for window in windows]
    return _answered(_effects(windows, [window.marks for window in windows], plain, clock, codes), clock, parent, sets)


def event_shares(windows: Sequence[Window], clock: Clock, codes: int, parent: Floats | None) -> Floats:
    """The same on the event's day against all weekdays nearby; NaN where only the weekday's lift holds: next to an event, one never seen.

    1 May sells the same on a Sunday and on a Tuesday, so a lift learned on the one is wrong on the other.
    """
    plain = [window.marks == 0 for window in windows]
    found = _effects(windows, [window.marks for window in windows], plain, clock, codes, whole_weeks=True)
    shares = _answered(found, clock, parent, {})
    if parent is None:
        return np.where(_on_the_day(codes, clock) & (clock.like > 1) & (found.count > 0), shares, np.nan)
    return shares


def _answered(found: _Found, clock: Clock, parent: Floats | None, sets: Sets) -> Floats:
    """Lifts shrunk to the parent's, times the group's answer to events."""
    lift, count, on_the_day = found.lift, found.count, _on_the_day(found.lift.shape[1], clock)
    if parent is None:
        above = _usual_lifts(found, len(OFFSETS[clock.grain]))
    else:
        sold, due = (np.nansum(np.where(on_the_day, values * count, 0.0), axis=1, keepdims=True) for values in (lift, parent))
        above = np.where(on_the_day & ~found.vague, parent * (sold + _ANSWER_PRIOR) / (due + _ANSWER_PRIOR), parent)
    prior = np.where(on_the_day, _EVENT_PRIOR, _NEAR_EVENT_PRIOR)
    lifts: Floats = np.clip((lift * count + above * prior) / (count + prior), 0.0, HIGHEST)
    return _apart(lifts, found, above, sets) if sets else lifts


def _apart(alone: Floats, found: _Found, above: Floats, sets: Sets) -> Floats:
    """Lifts of events that share periods: what happened is the product of theirs; each in turn, the others given."""
    lift, count = found.lift, found.count
    lifts, names = alone.copy(), sorted({name for names in sets.values() for name in names})
    for _ in range(_ROUNDS):
        for name in names:
            sold, seen, due = lift[:, name] * count[:, name], count[:, name].copy(), count[:, name].copy()
            for code, members in sets.items():
                if name in members:
                    others = np.prod([lifts[:, other] for other in members if other != name], axis=0)
                    sold, seen, due = sold + lift[:, code] * count[:, code], seen + count[:, code], due + others * count[:, code]
            own = np.divide(sold, due, out=np.ones_like(sold), where=due > 0)
            lifts[:, name] = np.clip((own * seen + above[:, name] * _EVENT_PRIOR) / (seen + _EVENT_PRIOR), 0.0, HIGHEST)
    for code, members in sets.items():
        lifts[:, code] = np.prod(lifts[:, members], axis=1)
    return lifts


def _on_the_day(codes: int, clock: Clock) -> Bools:
    """Which codes are an event itself, not the days next to it."""
    code = np.arange(codes)
    own: Bools = (code > 0) & (code % len(OFFSETS[clock.grain]) == 0)
    return own


def _usual_lifts(found: _Found, offsets: int) -> Floats:
    """Mean over the names of each offset's lift, with one more that has 1; [1, codes]."""
    usual = np.ones_like(found.lift)
    for place in range(offsets):
        mine = np.arange(1 + place, usual.shape[1], offsets)
        seen = found.count[:, mine] > 0
        mean = (np.where(seen, found.lift[:, mine], 0.0).sum(axis=1) + 1) / (seen.sum(axis=1) + 1)
        usual[:, mine] = np.where(found.vague[:, mine], 1.0, mean[:, None])
    return usual


def spell_lifts(windows: Sequence[Window], clock: Clock, codes: int, parent: Floats | None) -> Floats:
    """The same of long events, away from short ones."""
    plain = [(window.marks == 0) & (window.spells == 0) for window in windows]
    found = _effects(windows, [np.where(window.marks == 0, window.spells, 0) for window in windows], plain, clock, codes)
    above = np.ones(codes) if parent is None else parent
    lifts: Floats = np.clip((found.lift * found.count + above * _SPELL_PRIOR) / (found.count + _SPELL_PRIOR), 0.0, HIGHEST)
    return lifts


def _effects(
    windows: Sequence[Window], marks: Sequence[Ints], plain: Sequence[Bools], clock: Clock, codes: int, *, whole_weeks: bool = False
) -> _Found:
    """What codes did, against like free periods (or all of whole weeks around)."""
    groups = len(windows[0].units)
    sold, due, seen, every = (np.zeros(groups * codes) for _ in range(4))
    for window, mark, free in zip(windows, marks, plain, strict=True):
        expected = near(window.units, window.count, free, clock.like)
        marked = (window.count > 0) & (mark > 0)
        known = marked & (expected > 0)
        if whole_weeks:
            expected = near(window.units, window.count, free, 1, _NEAR * clock.like // 2)
        places = np.arange(groups)[:, None] * codes + mark
        every += np.bincount(places[marked], window.count[marked], minlength=groups * codes)
        place = places[known]
        sold += np.bincount(place, window.units[known], minlength=groups * codes)
        due += np.bincount(place, (window.count * expected)[known], minlength=groups * codes)
        seen += np.bincount(place, window.count[known], minlength=groups * codes)
    lift = np.divide(sold, due, out=np.ones_like(sold), where=due > 0).reshape(groups, codes)
    count = np.where(seen >= _LEAST_COMPARED * every, seen, 0.0)
    return _Found(lift, count.reshape(groups, codes), ((count == 0) & (every > 0)).reshape(groups, codes))


def promotion_lifts(windows: Sequence[Window], promoted: Sequence[Window], clock: Clock, parent: Floats | None) -> Floats:
    """Lift [groups] of a promotion: sales under promotion against the same weekday's nearby without.

    windows, promoted  all sales, and those under promotion
    parent             lifts of the level above, one a group or one for all
    """
    sold, due, seen = (np.zeros(len(windows[0].units)) for _ in range(3))
    for every, ours in zip(windows, promoted, strict=True):
        units, count = every.units - ours.units, every.count - ours.count
        expected = near(units, count, every.marks == 0, clock.like)
        known = (ours.count > 0) & (expected > 0) & (every.marks == 0)
        sold += np.where(known, ours.units, 0.0).sum(axis=1)
        due += np.where(known, ours.count * np.nan_to_num(expected), 0.0).sum(axis=1)
        seen += np.where(known, ours.count, 0.0).sum(axis=1)
    lift = np.divide(sold, due, out=np.ones_like(sold), where=due > 0)
    above = np.ones(1) if parent is None else parent
    lifts: Floats = np.clip((lift * seen + above * _PROMOTION_PRIOR) / (seen + _PROMOTION_PRIOR), 1 / HIGHEST, HIGHEST)
    return lifts


def near(units: Floats, count: Floats, free: Bools, length: int, times: int = _NEAR) -> Floats:
    """Mean per series-period of the free periods 1 to ``times`` x ``length`` before and after; NaN: none."""
    sold, seen = np.where(free, units, 0.0), np.where(free, count, 0.0)
    total, weight = np.zeros_like(sold), np.zeros_like(seen)
    width = units.shape[1]
    for step in range(1, times + 1):
        shift = step * length
        if shift < width:
            total[:, shift:] += sold[:, : width - shift]
            total[:, : width - shift] += sold[:, shift:]
            weight[:, shift:] += seen[:, : width - shift]
            weight[:, : width - shift] += seen[:, shift:]
    return ratio(total, weight)
