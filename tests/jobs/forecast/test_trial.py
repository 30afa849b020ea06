"""A challenger on trial: what decides before anything is forecast, and which rows calibrate it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.config import Config
from jobs.forecast import judgement
from jobs.forecast.examples import Layout
from jobs.forecast.trial import names_of, series_of, verdict
from jobs.lake import Lake

D = date(2024, 5, 29)
NONE: Any = None
PLAN = Layout((19_860,), 19_858)


def test_the_first_model_wins(tmp_path: Path) -> None:
    found = verdict(NONE, Lake(str(tmp_path)), Config(), D, PLAN, (b"", pa.table({})), None)
    assert found == judgement.FIRST
    assert str(found) == "champion: the first model"


def test_a_champion_that_can_not_be_loaded_makes_way(tmp_path: Path) -> None:
    """Else a change of the features would leave a lake without a model for ever."""
    found = verdict(NONE, Lake(str(tmp_path)), Config(), D, PLAN, (b"", pa.table({})), {"model_id": "gone"})
    assert found.wins
    assert "gone can't be used any more" in found.reasons[0]


def test_series_are_numbered_by_name_whatever_the_order_of_rows() -> None:
    keys = [("b", "S", "store"), ("a", "S", "store"), ("b", "S", "store"), ("a", "T", "online")]
    rows = pa.Table.from_pylist([dict(zip(("item_id", "location_id", "channel"), key, strict=True)) for key in keys])
    assert series_of(rows).tolist() == [2, 0, 2, 1]
    assert len(np.unique(names_of(rows))) == 3
