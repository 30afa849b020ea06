"""What a replayed day's record says of stock."""

from datetime import date

import numpy as np

from jobs.plan.pools import SCALE
from jobs.simulate.history import in_stock

DAY = date(2024, 5, 29)


def test_in_stock_until_the_last_unit_is_sold() -> None:
    wanted, sold, there = (np.array(each) * SCALE for each in ([5, 5, 0, 5, 8], [5, 0, 0, 3, 4], [9, 0, 0, 3, 4]))
    share = in_stock(wanted, sold, there, DAY)
    assert share[:3].tolist() == [1, 0, 0]
    assert ((share[3:] > 0) & (share[3:] < 1)).all()
    assert np.array_equal(share, in_stock(wanted, sold, there, DAY))


def test_the_share_does_not_tell_what_was_wanted() -> None:
    """The moment at which the 50th of 100 customers comes scatters about the middle of the day's demand."""
    half = np.full(2_000, 50 * SCALE)
    share = in_stock(2 * half, half, half, DAY)
    assert 0.45 < np.median(share) < 0.65
    assert share.std() > 0.03
    assert not np.array_equal(share, in_stock(2 * half, half, half, date(2024, 5, 30)))
