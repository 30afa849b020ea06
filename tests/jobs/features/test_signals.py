"""Signals: only what had landed by the origin counts for the periods from it on."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.jobs.features.blocks import features, past

D = date(2024, 5, 29)
DAY = timedelta(days=1)
ROWS = [*past("a", "S1", D, 30), *past("a", "S2", D, 30)]


def _signal(day: date, value: float, landed: date, until: date | None = None, **scope: str) -> dict[str, Any]:
    return {"name": "rain", "date": day, "value": value, "known_from": landed, "known_to": until, **scope}


def test_a_forecast_that_had_landed_counts_against_the_recent_mean() -> None:
    signals = [_signal(D - DAY, 10.0, D), _signal(D, 14.0, D - DAY)]
    assert features(ROWS[:30], D, signals=signals)["signal_1"].to_pylist() == [4, None, None]


def test_what_landed_after_the_origin_is_not_seen_though_a_later_night_computes_it() -> None:
    later = D + 5 * DAY
    # The forecast known on D was replaced by the observation two days later.
    signals = [_signal(D - DAY, 10.0, D), _signal(D, 14.0, D - DAY, until=D + 2 * DAY), _signal(D, 30.0, D + 2 * DAY)]
    signals.append(_signal(D + DAY, 99.0, D + 2 * DAY))
    assert features(ROWS[:30], D, night=later, signals=signals)["signal_1"].to_pylist() == [4, None, None]


@pytest.mark.parametrize(("scope", "expected"), [({}, 1.0), ({"region": "north"}, 2.0), ({"location_id": "S1"}, 3.0)])
def test_the_most_specific_scope_wins(scope: dict[str, str], expected: float) -> None:
    scopes = [({}, 1.0), ({"region": "north"}, 2.0), ({"location_id": "S1"}, 3.0)]
    known = scopes[: [s for s, _ in scopes].index(scope) + 1]
    signals = [_signal(D, value, D, **where) for where, value in known] + [_signal(D - DAY, 0.0, D)]
    assert features(ROWS[:30], D, signals=signals)["signal_1"][0].as_py() == expected
