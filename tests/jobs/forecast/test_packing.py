"""Training rows with all inputs in one array."""

from datetime import date

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

from jobs.features.job import EXAMPLES
from jobs.forecast.model import INPUTS, to_matrix
from jobs.forecast.packing import PACKED, ROWS, of, pack, unpack


def _rows() -> pa.Table:
    """Two rows: each input its number, and a hundred more in the second; what is not known is null there."""
    values = {name: [float(i), 100.0 + i] for i, name in enumerate(INPUTS)} | {"promotion": [None, 1.0], "step": [0, 6]}
    names = {
        "item_id": ["a", "b"],
        "location_id": ["S", "S"],
        "channel": ["store", "store"],
        "target_date": [date(2024, 5, 8), date(2024, 5, 9)],
    }
    more = {"whole_units": [True, False], "origin": [5, 6], "units": [1.5, 2.0]}
    columns = names | values | more
    return pa.table({f.name: pa.array(columns[f.name]).cast(f.type) for f in EXAMPLES if f.name in columns})


def test_what_is_packed_is_what_the_booster_sees_and_comes_out_again() -> None:
    rows = _rows()
    packed = pack(rows)
    assert packed.schema == ROWS
    again = unpack(packed.slice(1)), unpack(packed)
    np.testing.assert_array_equal(to_matrix(again[1]), to_matrix(rows))
    np.testing.assert_array_equal(to_matrix(again[0]), to_matrix(rows.slice(1)))
    assert [name for name in ROWS.names if name != PACKED and again[1][name].to_pylist() != rows[name].to_pylist()] == []


def test_spark_finds_an_input_by_its_name(spark: SparkSession) -> None:
    found = spark.createDataFrame(pack(_rows())).select(of("level").alias("level"), of("step").alias("step")).toArrow()
    place = INPUTS.index("level")
    assert found.to_pylist() == [{"level": float(place), "step": 0.0}, {"level": 100.0 + place, "step": 6.0}]
