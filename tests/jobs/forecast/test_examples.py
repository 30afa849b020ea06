"""Which past origins train and which are held out."""

from jobs.features.clock import CLOCKS
from jobs.forecast.examples import LEAST_HISTORY, layout

DAY, WEEK = CLOCKS["day"], CLOCKS["week"]


def test_origins_lie_close_together_just_before_the_night_and_then_a_stride_apart() -> None:
    made = layout(DAY, 1000, 0, origins=6, steps=7)
    assert made is not None
    assert made.origins[:6] == (998, 996, 993, 989, 984, 979)
    assert made.held_out_from == 986
    assert sum(origin < made.held_out_from for origin in made.origins) >= 6


def test_every_weekday_meets_every_step() -> None:
    made = layout(DAY, 1000, 0, origins=6, steps=7)
    assert made is not None
    assert {origin % 7 for origin in made.origins} == set(range(7))


def test_too_little_history_gives_nothing() -> None:
    assert layout(DAY, 1000, 1000 - LEAST_HISTORY["day"] - 10, 6, 7) is None
    assert layout(DAY, 1000, 999, 6, 7) is None
    assert layout(DAY, 1000, 1000 - LEAST_HISTORY["day"] - 30, 6, 7) is not None


def test_a_champion_and_its_challenger_are_judged_on_what_came_after_the_champion() -> None:
    made = layout(DAY, 1000, 0, 6, 7, champion=992)
    assert made is not None
    assert made.held_out_from == 992
    assert layout(DAY, 1000, 0, 6, 7, champion=100) == layout(DAY, 1000, 0, 6, 7)


def test_weeks() -> None:
    made = layout(WEEK, 1000, 0, 6, 4)
    assert made is not None
    assert made.origins[:2] == (997, 994)
