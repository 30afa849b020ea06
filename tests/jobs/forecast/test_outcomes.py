"""What happened after an origin, beside its features and plain forecasts: on literal days, without Spark."""

from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa

from jobs.features.block import Span, to_block
from jobs.features.compute import counts
from jobs.features.pulse import gather
from jobs.forecast.outcomes import OUTCOMES, of_origin
from jobs.forecast.plain import LONG, NAIVE, SHORT
from tests.jobs.features.blocks import CLOCK, context, features, past, sold, stream

D = date(2024, 5, 29)
DAY = timedelta(days=1)


def at(rows: list[dict], origin: date = D, night: date = D + 3 * DAY) -> pa.Table:
    shared = context(rows, [origin], night=night)
    span = Span.around(CLOCK, [CLOCK.index(origin)], shared.horizon)
    block = to_block(stream(rows), CLOCK, span, shared.prices)
    shared = replace(shared, pulse=gather(counts(block, shared, CLOCK.index(origin))))
    return of_origin(block, shared, CLOCK.index(origin))


def _rows(after: float) -> list[dict]:
    """Item a sold 5, 3, then 9 while running empty; b begins only after the origin."""
    before = [sold("a", "S", D - 3 * DAY, 5), sold("a", "S", D - 2 * DAY, 3), sold("a", "S", D - DAY, 9, stock=0.5)]
    later = [sold("a", "S", D, after), sold("a", "S", D + DAY, after, stock=0.4), sold("b", "S", D + DAY, 1)]
    return [*before, *later]


def test_sales_stock_outs_and_periods_that_are_not_known() -> None:
    found = at(_rows(7))
    assert found.schema == OUTCOMES
    assert found["item_id"].to_pylist() == ["a", "a"], "nothing is known of day 2, and b had no row before the origin"
    assert (found["step"].to_pylist(), found["origin"].to_pylist()) == ([0, 1], [CLOCK.index(D)] * 2)
    assert (found["units"].to_pylist(), found["in_stock"].to_pylist()) == ([7, 7], [True, False])
    assert [found[name][0].as_py() for name in (NAIVE, SHORT, LONG)] == [3, 17 / 3, 4]


def test_nothing_after_the_origin_changes_what_was_known_there() -> None:
    known = [name for name in OUTCOMES.names if name != "units"]
    assert at(_rows(7)).select(known).equals(at(_rows(70)).select(known))


def test_the_features_are_those_of_the_night() -> None:
    rows = past("a", "S", D, 60)
    later = [sold("a", "S", D + k * DAY, 4) for k in range(3)]
    found = at([*rows, *later])
    night = features(rows, D)
    assert found.select(night.column_names).equals(night)
