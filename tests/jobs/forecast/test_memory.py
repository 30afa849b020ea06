"""How far back training looks."""

from jobs.config import Training
from jobs.features.clock import CLOCKS
from jobs.forecast import memory

DAY, WEEK = CLOCKS["day"], CLOCKS["week"]


def test_short_histories_are_looked_at_as_ever() -> None:
    assert memory.half_life(DAY, 90) == 14
    assert memory.origins(DAY, 90, Training(), 1000) == Training().origins
    assert memory.half_life(WEEK, 20) == 8


def test_years_make_the_memory_longer_up_to_a_bound() -> None:
    assert memory.half_life(DAY, 800) == 100
    assert memory.half_life(DAY, 4000) == 120
    assert memory.origins(DAY, 800, Training(), 1000) == 50  # 2.5 half-lives, five days apart
    assert memory.half_life(WEEK, 120) == 40


def test_many_series_keep_a_tenth_of_them_rather_than_old_origins() -> None:
    assert memory.origins(DAY, 800, Training(rows=300_000), 100_000) == 30
    assert memory.origins(DAY, 800, Training(rows=300_000), 10_000_000) == Training().origins
