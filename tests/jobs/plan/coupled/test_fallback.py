"""A plan cut down to what is kept: a part of a line fits, and an order that this leaves short is topped up, not closed."""

from __future__ import annotations

from datetime import date

import numpy as np

from jobs.plan.coupled.fallback import cut_down
from jobs.plan.coupled.hulls import hulls_of
from jobs.plan.coupled.problem import Problem, is_feasible, state_of
from tests.jobs.plan.coupled.test_bound import as_read


def problem(minimum: float) -> Problem:
    """An order of two lines, each best at 4 units; of item A the centre has 3."""
    line = {
        "source_id": "D", "location_id": "S", "expected_on": date(2026, 3, 2), "order_multiple": 1.0, "min_order_units": 0.0,
        "unit_volume": 0.0, "unit_weight": 0.0, "unit_value": 1.0, "cost": [9.0, 6.0, 4.0, 3.0, 2.0, 2.5, 4.0], "budget_value": None,
        "choice_id": None,
    }  # fmt: skip
    terms = {"source_id": "D", "location_id": "S", "min_order_value": minimum, "order_cost": 1.0, "truck_volume": 0.0, "truck_cost": 0.0}
    limit = {"resource": "dc_stock", "location_id": "D", "item_id": "A", "date": None, "limit": 3.0, "unit": "units"}
    # A second store takes one unit of A, so the limit is shared.
    other = {**line, "line_id": 3, "item_id": "A", "location_id": "T", "cost": [9.0, 1.0]}
    lines = [{**line, "line_id": 1, "item_id": "A"}, {**line, "line_id": 2, "item_id": "B"}, other]
    return as_read({"lines": lines, "order_terms": [terms], "capacities": [limit]}).problem


def cut(minimum: float) -> list[int]:
    known = problem(minimum)
    n = cut_down(known, hulls_of(known.start, known.cost), np.array([4, 4, 1])[: len(known)])
    assert is_feasible(known, state_of(known, n))
    return n.tolist()


def test_a_part_of_a_line_fits() -> None:
    """The other store's unit saves most: two are left of 3, and the minimum of 5 is still reached."""
    assert cut(5.0) == [2, 4, 1]


def test_an_order_left_short_is_topped_up() -> None:
    """Of A no more is to be had: B makes up for it."""
    assert cut(8.0) == [2, 6, 1]


def test_an_order_that_cannot_be_topped_up_is_closed() -> None:
    assert cut(9.0) == [0, 0, 1]
