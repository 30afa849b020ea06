"""Volume classes by hand: an item belongs to a class with all its locations, the largest items first."""

from __future__ import annotations

import numpy as np

from jobs.simulate.segments import volume_classes


def test_classes_of_items_by_their_share_of_units() -> None:
    """Item 1 sells 70 at two places and has a centre that sells nothing, item 0 20, item 2 6, item 3 4."""
    items, wanted = np.array([0, 1, 1, 1, 2, 3]), np.array([20, 60, 10, 0, 6, 4])
    assert volume_classes(items, wanted).tolist() == ["A", "A", "A", "A", "B", "C"]


def test_the_only_item_and_one_that_nobody_wants_are_of_the_first_class() -> None:
    assert volume_classes(np.array([0]), np.array([9])).tolist() == ["A"]
    assert volume_classes(np.array([0, 1]), np.array([0, 0])).tolist() == ["A", "A"]
