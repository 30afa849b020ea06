"""Order days, lead times, closed days and weeks."""

from __future__ import annotations

import pytest

from jobs.plan.schedule import Window, lead_times, window
from tests.jobs.plan.small import D, day

NONE = frozenset()


def test_order_days_carry_their_own_lead_times() -> None:
    assert lead_times("mon:2, FRI", 4, 1) == (2, None, None, None, 4, None, None)
    assert lead_times("", None, 3) == (3,) * 7
    assert lead_times(None, 0, 3) == (0,) * 7


@pytest.mark.parametrize(
    ("text", "lead", "closed", "expected"),
    [
        (None, 1, NONE, Window("order", day(1), day(2))),
        ("mon,thu", 2, NONE, Window("order", day(2), day(5))),
        ("tue", 2, NONE, Window("not_today")),
        ("mon", 0, NONE, Window("order", day(0), day(7))),
        (None, 400, NONE, Window("order", day(400), day(401))),
        # Tuesday is closed: Monday's and Tuesday's orders both come on Wednesday, so the next delivery is Thursday's.
        (None, 1, frozenset({day(1)}), Window("order", day(2), day(3))),
        # Tuesday's fast order would overtake Monday's slow one: the window ends with the first arrival after it.
        ("mon:6,tue:1", None, NONE, Window("order", day(6), day(9))),
        ("mon", 1, frozenset(day(k) for k in range(200)), Window("never")),
    ],
)
def test_window_of_tonights_order(text, lead, closed, expected) -> None:
    assert window(lead_times(text, lead, 1), D, closed, 1) == expected


def test_by_week_every_monday_orders_and_lead_times_round_up() -> None:
    assert window(lead_times("thu:8", None, 1), D, NONE, 7) == Window("order", day(14), day(21))
    assert window(lead_times(None, 0, 1), D, NONE, 7) == Window("order", day(0), day(7))
