"""What the cost of a line's order depends on, one array entry a line."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from jobs.plan.night import Floats, Ints

#: No cost list is longer: 20,000 multiples of one item for one window are a wrong multiple.
LONGEST_LIST = 20_000


@dataclass(frozen=True)
class Terms:
    """Lines as numbers; every array has one entry a line, arrivals one row.

    lead, cover        periods until tonight's order arrives, and from then to the next order's arrival (>= 1)
    lead_std           standard deviation of lead; 0: it is sure
    first, series      series of the line's location in Demand
    on_hand            units at opening of the business date
    arrivals           [lines, steps] units under way by period of arrival
    in_transit         all units under way
    multiple, min_units, max_stock (inf: none), presentation (0: none)      units
    holding, shortage, waste                                                currency a unit (holding: and period)
    life               periods a unit may be sold (inf: for ever)
    rate               expected units a period, at which leftovers sell
    locked             multiples a planner has locked; -1: none
    """

    lead: Ints
    cover: Ints
    lead_std: Floats
    first: Ints
    series: Ints
    on_hand: Floats
    arrivals: Floats
    in_transit: Floats
    multiple: Floats
    min_units: Floats
    max_stock: Floats
    presentation: Floats
    holding: Floats
    shortage: Floats
    waste: Floats
    life: Floats
    rate: Floats
    locked: Ints

    def __len__(self) -> int:
        return len(self.lead)

    def take(self, rows: Ints) -> Terms:
        """The given lines."""
        return Terms(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @property
    def min_multiples(self) -> Ints:
        """Least multiples of an order (>= 1)."""
        return np.maximum(np.ceil(self.min_units / self.multiple - 1e-9), 1).astype(np.int64)

    def critical_ratio(self) -> Floats:
        """Share of windows that should not run out: shortage / (shortage + holding over the window) (newsvendor)."""
        total = self.shortage + self.holding * self.cover
        return np.divide(self.shortage, total, out=np.zeros_like(total), where=total > 0)
