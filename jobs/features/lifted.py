"""Lifts of a block's series at an origin; what all blocks have in common is worked out once an origin.

The lifts of everything, of categories and of locations took 30% of the time of training's features when each block worked
them out for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jobs.features.levels import ALL, CATEGORY, ITEM, LOCATION
from jobs.features.names import Names, looked_up
from jobs.features.season import Lifts

if TYPE_CHECKING:
    from jobs.features.context import Context

Floats = npt.NDArray[np.float64]

#: Of no name: what is known of a location that sold nothing and is in no master.
_NOBODY = ""


@dataclass(frozen=True, slots=True)
class Common:
    """Of one origin.

    top         lifts of everything
    category    rows of the categories, with their lifts (shrunk to ``top``); uplift: of a promotion
    location    rows of the locations, with their lifts (shrunk to ``top``)
    by_chance   deviation by chance of items' yearly lifts from their categories'
    """

    top: Lifts
    category: tuple[Mapping[str, int], Lifts]
    uplift: Floats
    location: tuple[Mapping[str, int], Lifts]
    by_chance: float

    @classmethod
    def of(cls, context: Context, origin: int) -> Common:
        """All categories and locations that there are."""
        everything = np.array([""], object)
        top, usual = context.shared(ALL, everything, origin), context.promotion(ALL, everything, origin)
        categories = _sorted({_NOBODY, *context.category.values()})
        places = _sorted({_NOBODY, *context.locations, *context.sums[LOCATION].ids})
        return cls(
            top,
            (_rows(categories), context.shared(CATEGORY, categories, origin, top, context.chance(CATEGORY, origin))),
            context.promotion(CATEGORY, categories, origin, usual),
            (_rows(places), context.shared(LOCATION, places, origin, top)),
            context.chance(ITEM, origin),
        )


def lifts(names: Mapping[str, Names], context: Context, origin: int) -> tuple[dict[str, Lifts], Floats]:
    """Lifts of each series' item and location (each shrunk to those above) and of both together; its item's lift of a promotion.

    names  level -> name of each series' item, location, category [n]
    """
    common = context.common(origin)
    places, location = common.location
    categories, category = common.category
    items, first, row = np.unique(names[ITEM], return_index=True, return_inverse=True)
    owner = looked_up(names[CATEGORY][first], lambda name: categories[name], np.int64)
    item = context.shared(ITEM, items, origin, category.take(owner), common.by_chance).take(row)
    uplift = context.promotion(ITEM, items, origin, common.uplift[owner])[row]
    found = location.take(looked_up(names[LOCATION], lambda name: places.get(name, places[_NOBODY]), np.int64))
    return {ITEM: item, LOCATION: found, ALL: item.times(found, common.top)}, uplift


def _sorted(names: set[str]) -> Names:
    return np.array(sorted(names), object)


def _rows(names: Names) -> dict[str, int]:
    return {name: row for row, name in enumerate(names)}
