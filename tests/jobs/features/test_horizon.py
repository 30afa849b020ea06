"""How far ahead lanes make a night forecast."""

import pytest

from jobs.config import Config
from jobs.features.horizon import horizon


@pytest.mark.parametrize(
    ("lead_time", "order_days", "expected"),
    [
        (1, None, 1 + 1 + 2),  # every day: arrives on D + 1, the next on D + 2, two windows of a day beyond
        (0, None, 0 + 1 + 2),
        (None, None, 1 + 1 + 2),  # config's default lead time
        (2, "mon", 2 + 7 + 14),
        (1, "mon,thu", 4 + 1 + 8),  # from Thursday to Monday
        (1, "mon:2,fri:3", 4 + 3 + 8),
        (365, None, 28),  # the cap
    ],
)
def test_a_lane_by_day(lead_time: int | None, order_days: str | None, expected: int) -> None:
    assert horizon([{"lead_time_days": lead_time, "order_days": order_days}], Config()) == expected


def test_the_longest_lane_counts_and_none_means_the_default() -> None:
    lanes = [{"lead_time_days": 1, "order_days": None}, {"lead_time_days": 5, "order_days": None}]
    assert horizon(lanes, Config()) == 8
    assert horizon([], Config()) == 4


def test_weeks_round_lead_times_up_and_any_order_day_means_each_week() -> None:
    assert horizon([{"lead_time_days": 8, "order_days": "mon"}], Config(grain="week")) == 2 + 1 + 2


def test_config_wins() -> None:
    assert horizon([{"lead_time_days": 365, "order_days": None}], Config(horizon=40)) == 40
