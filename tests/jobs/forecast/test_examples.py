"""Which past origins train and which are held out."""

from datetime import date, timedelta
from pathlib import Path

from jobs.config import Config, Training
from jobs.features.clock import CLOCKS
from jobs.forecast.examples import LEAST_HISTORY, layout, planned
from jobs.lake import Lake
from tests.jobs.features.lakes import fill, sale

DAY, WEEK = CLOCKS["day"], CLOCKS["week"]
D, ONE_DAY = date(2024, 5, 29), timedelta(days=1)


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


def test_the_layout_rests_on_what_the_night_knew_then(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.create_tables()
    first = D - 60 * ONE_DAY
    early = sale("a", "S", first - 40 * ONE_DAY, 1, known_from=D + ONE_DAY)  # landed after the night, in a month of its own
    known = [sale("a", "S", first + k * ONE_DAY, 2) for k in range(60)]
    short = sale("b", "S", D - 2 * ONE_DAY, 1, 0.5)  # not in stock throughout: no row to learn from
    fill(lake, demand=[early, *known, short, sale("a", "S", D, 9)])
    config = Config(horizon=7, training=Training(rows=1_000))
    assert planned(lake, config, first) is None, "nothing was known before the first day"
    found = planned(lake, config, D)
    assert found is not None
    plan, begin = found
    assert begin == DAY.index(first)
    assert plan.share == 1
    seen_later = planned(lake, config, D, seen_by=D + 2 * ONE_DAY)
    assert seen_later is not None
    assert seen_later[1] == DAY.index(early["period"])


def test_the_row_budget_leaves_a_share_of_the_series_in_stock(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.create_tables()
    first = D - 60 * ONE_DAY
    rows = [sale(f"i{item}", "S", first + k * ONE_DAY, 2) for item in range(40) for k in range(60)]
    empty = [sale(f"e{item}", "S", D - k * ONE_DAY, 2, 0.5) for item in range(40) for k in range(1, 8)]
    fill(lake, demand=[*rows, *empty])
    found = planned(lake, Config(horizon=7, training=Training(rows=1_000)), D)
    assert found is not None
    # Of the last seven days 40 series were in stock, so an origin has 40 x 7 rows.
    assert found[0].share == 1_000 / (40 * 7 * len(found[0].origins))
