"""Events by region, and how far they are."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from jobs.features.block import Span
from jobs.features.clock import CLOCKS
from jobs.features.events import Events
from tests.jobs.features.blocks import features, past, sold

D = date(2024, 5, 29)
DAY = timedelta(days=1)
ROWS = [*past("a", "S1", D, 30)]


def test_event_in_the_region_its_distance_and_what_follows() -> None:
    made = features(ROWS, D, calendar=[{"region": "north", "date": D + DAY, "event": "fair"}])
    assert made["event_kind"].to_pylist() == [0, 1, 0]
    assert made["to_event"].to_pylist() == [1, 7, 7]
    assert made["since_event"].to_pylist() == [7, 7, 1]


def test_an_event_elsewhere_does_not_count_and_one_without_region_does() -> None:
    assert not any(features(ROWS, D, calendar=[{"region": "south", "date": D, "event": "fair"}])["event"].to_pylist())
    assert features(ROWS, D, calendar=[{"region": None, "date": D, "event": "fair"}])["event"].to_pylist() == [1, 0, 0]


def test_closed_is_no_event() -> None:
    made = features(ROWS, D, calendar=[{"region": "north", "date": D, "event": "Closed"}])
    assert made["closed"].to_pylist() == [1, 0, 0]
    assert made["event"].to_pylist() == [0, 0, 0]


def test_like_days_of_a_past_event_weigh_more() -> None:
    fair = [{"region": "north", "date": D - 20 * DAY, "event": "fair"}, {"region": "north", "date": D, "event": "fair"}]
    rows = [sold("a", "S1", D - DAY * k, 20.0 if k == 20 else 4.0) for k in range(1, 60)]
    event, usual = features(rows, D, calendar=fair)["kernel"].to_pylist()[:2]
    assert event > usual * 1.1


def test_of_several_names_in_a_week_a_code_of_their_own() -> None:
    clock = CLOCKS["week"]
    span = Span.around(clock, [clock.index(D)], 2)
    held = [(D, "fair"), (D + DAY, "ball"), (D + 7 * DAY, "ball")]
    calendar = pa.table({"region": ["north"] * 3, "date": [day for day, _ in held], "event": [name for _, name in held]})
    events = Events.build(calendar, clock, span)
    this, following = (events.marks[0, clock.index(day) - events.first] for day in (D, D + 7 * DAY))
    assert events.sets == {3: (1, 2)}
    assert (this, following, events.codes) == (3, 1, 4)
    assert set(np.unique(events.marks)) == {0, 1, 3}
