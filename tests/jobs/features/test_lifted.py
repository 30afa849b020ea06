"""Lifts that blocks have in common are those that each name alone would have."""

from datetime import date, timedelta

import numpy as np

from jobs.features.levels import ALL, CATEGORY, ITEM, LOCATION
from jobs.features.lifted import lifts
from jobs.features.names import looked_up
from tests.jobs.features.blocks import CLOCK, context, past

D = date(2024, 5, 29)
DAY = timedelta(days=1)


def test_a_name_is_asked_for_once_and_each_place_gets_its_value() -> None:
    asked: list[str] = []

    def number(name: str) -> int:
        asked.append(name)
        return {"a": 1, "b": 2}[name]

    found = looked_up(np.array(["b", "a", "b"], object), number, np.int64)
    assert found.tolist() == [2, 1, 2]
    assert sorted(asked) == ["a", "b"]


def test_common_lifts_are_those_of_each_name_alone_and_an_unknown_location_has_those_of_everything() -> None:
    # A feast a year ago and two weeks ago, on which S sold more than T; nothing is known of U.
    feasts = [D - 364 * DAY, D - 14 * DAY, D + DAY]
    rows = [
        {**row, "units": row["units"] * (factor if row["period"] in feasts else 1)}
        for place, factor in (("S", 3.0), ("T", 1.5))
        for item in ("a", "b")
        for row in past(item, place, D, 400)
    ]
    shared = context(rows, [D], calendar=[{"region": None, "date": day, "event": "feast"} for day in feasts])
    origin = CLOCK.index(D)
    names = {ITEM: ["b", "a", "a", "b"], LOCATION: ["S", "T", "S", "U"], CATEGORY: ["", "", "", ""]}
    found, uplift = lifts({level: np.array(some, object) for level, some in names.items()}, shared, origin)
    top = shared.shared(ALL, np.array([""], object), origin)
    for row, place in enumerate(names[LOCATION]):
        alone = shared.shared(LOCATION, np.array([place], object), origin, top)
        for ours, theirs in zip(found[LOCATION].take(np.array([row])), alone, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(found[LOCATION].event[0], found[LOCATION].event[1]), "the feast tells S from T"
    np.testing.assert_allclose(found[LOCATION].event[3], top.event[0], rtol=1e-12)
    assert uplift.shape == (4,)
