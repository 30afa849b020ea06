"""When a lane's order of tonight is on the shelf, and when the one after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: A delivery that finds no open day for so long never comes.
_LONGEST_CLOSURE = 60

#: Lead time in days of an order placed on each weekday; None: no order day.
LeadTimes = tuple[int | None, ...]
State = Literal["order", "not_today", "never"]


@dataclass(frozen=True, slots=True)
class Window:
    """What an order of tonight covers.

    state            order: tonight is an order day; not_today; never: no order day has a delivery
    arrives_on       tonight's order is on the shelf before opening
    next_arrives_on  the next order day's order is; always later
    """

    state: State
    arrives_on: date | None = None
    next_arrives_on: date | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An order of one of the next nights, in periods from the business date.

    ordered  the night;  arrives  opening of the period in which it is on the shelf;  until  the same of the next order's
    """

    ordered: int
    arrives: int
    until: int


def lead_times(order_days: str | None, lead_time_days: int | None, default: int) -> LeadTimes:
    """Read order_days ("mon,thu" or "mon:2,fri:3"; empty: every day)."""
    usual = default if lead_time_days is None else lead_time_days
    text = (order_days or "").replace(" ", "").lower()
    if not text:
        return (usual,) * 7
    named: dict[str, int] = {}
    for part in text.split(","):
        day, _, days = part.partition(":")
        named[day] = int(days) if days else usual
    return tuple(named.get(day) for day in WEEKDAYS)


def window(times: LeadTimes, business_date: date, closed: frozenset[date], period_days: int) -> Window:
    """The window of an order placed on business_date.

    By day, a delivery on a closed day waits for the next open one. By week, a lane with any order day may order
    every Monday, and its lead time (the longest of its days) rounds up to whole weeks.
    """
    if period_days > 1:
        longest = max((days for days in times if days is not None), default=None)
        if longest is None:
            return Window("never")
        arrives = business_date + timedelta(days=period_days * -(-longest // period_days))
        return Window("order", arrives, arrives + timedelta(days=period_days))
    if not any(_delivery(times, business_date + timedelta(days=ahead), closed) for ahead in range(7)):
        return Window("never")
    today = _delivery(times, business_date, closed)
    if today is None:
        return Window("not_today")
    later = (_delivery(times, business_date + timedelta(days=ahead), closed) for ahead in range(1, _LONGEST_CLOSURE + 15))
    # Deliveries that do not come after tonight's (own lead times, closed days) would leave no window to cover.
    after = min((day for day in later if day is not None and day > today), default=None)
    return Window("order", today, after) if after else Window("never")


def later(times: LeadTimes, business_date: date, closed: frozenset[date], period_days: int, periods: int) -> tuple[date, ...]:
    """When the orders of the next order days are on the shelf, the first being Window.next_arrives_on: up to so many periods
    after tonight's order. None where tonight is no order day.
    """
    tonight = window(times, business_date, closed, period_days)
    if tonight.arrives_on is None:
        return ()
    last = tonight.arrives_on + timedelta(days=periods * period_days)
    if period_days > 1:
        return tuple(tonight.arrives_on + timedelta(days=period_days * ahead) for ahead in range(1, periods + 1))
    ahead = range(1, (last - business_date).days + _LONGEST_CLOSURE + 15)
    found = {_delivery(times, business_date + timedelta(days=days), closed) for days in ahead}
    return tuple(sorted(day for day in found if day is not None and tonight.arrives_on < day <= last)) or (tonight.next_arrives_on,)  # type: ignore[return-value]


def deliveries(times: LeadTimes, business_date: date, closed: frozenset[date], period_days: int, nights: int) -> tuple[Delivery, ...]:
    """Orders of tonight and the nights after it, by the rules of ``window``: those of so many periods, and the first one at least."""
    if period_days > 1:
        longest = max((days for days in times if days is not None), default=None)
        periods = None if longest is None else -(-longest // period_days)
        return () if periods is None else tuple(Delivery(t, t + periods, t + periods + 1) for t in range(nights))
    known = [(t, _delivery(times, business_date + timedelta(days=t), closed)) for t in range(nights + _LONGEST_CLOSURE + 15)]
    days = [(t, (day - business_date).days) for t, day in known if day is not None]
    found: list[Delivery] = []
    for t, arrives in days:
        if found and t >= nights:
            break
        until = min((other for later, other in days if later > t and other > arrives), default=None)
        if until is not None:
            found.append(Delivery(t, arrives, until))
    return tuple(found)


def _delivery(times: LeadTimes, ordered_on: date, closed: frozenset[date]) -> date | None:
    days = times[ordered_on.weekday()]
    if days is None:
        return None
    for waits in range(_LONGEST_CLOSURE):
        arrival = ordered_on + timedelta(days=days + waits)
        if arrival not in closed:
            return arrival
    return None
