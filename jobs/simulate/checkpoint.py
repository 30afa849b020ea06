"""A run that was killed goes on from its last checkpoint: one file, there whole or not at all."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from jobs.forecast.calibration import Calibration
from jobs.forecast.errors import Errors
from jobs.forecast.model import Model
from jobs.forecast.ranks import Dependence
from jobs.lake import put
from jobs.learn.joint import Joint
from jobs.simulate.lessons import Lessons

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.simulate.replay import Progress, Run

_RATES = ("holding", "shortage", "waste", "buying", "presentation")


def save(run: Run, file: Path) -> None:
    """Write all that the run's next nights depend on."""
    at, first = run.progress, run.given.base.tables["silver/demand"].num_rows
    assert run.rates is not None
    arrays: dict[str, Any] = {"source": run.source, "open": at.books.open}
    arrays |= {f"where_{name}": values for name, values in run.ground.arrays(at.state).items()}
    arrays |= {f"units_{name}": values for name, values in at.books.units.items()}
    arrays |= {f"money_{name}": values for name, values in at.books.money.items()}
    arrays |= {f"rate_{name}": getattr(run.rates, name) for name in _RATES}
    arrays["known"] = np.frombuffer(_ipc(at.known.slice(first)), np.uint8)
    arrays |= {f"lessons_{name}": np.frombuffer(_ipc(rows), np.uint8) for name, rows in at.lessons.tables().items()}
    facts: dict[str, Any] = {"done": at.done, "counts": at.counts, "model": None}
    if at.model is not None:
        arrays["booster"] = np.frombuffer(at.model.booster, np.uint8)
        facts["model"] = [at.model.calibration_json(), at.model.dependence_json(), at.model.errors_json()]
        if at.model.joint is not None:
            arrays["joint"] = np.frombuffer(at.model.joint.booster, np.uint8)
            facts["joint"] = at.model.joint.facts_json()
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    content = BytesIO()
    np.savez(content, **arrays)
    put(file, content.getvalue())


def load(run: Run, file: Path) -> None:
    """Take a run to where its checkpoint was; nothing where there is none."""
    from jobs.simulate.places import Rates

    if not file.exists():
        return
    with np.load(BytesIO(file.read_bytes())) as found:
        facts = json.loads(found["facts"].tobytes())
        at: Progress = run.progress
        at.state = run.ground.of({name.removeprefix("where_"): found[name] for name in found.files if name.startswith("where_")})
        for kind, values in (("units", at.books.units), ("money", at.books.money)):
            values.update({name: found[f"{kind}_{name}"] for name in values})
        at.books.open, run.source = found["open"], found["source"]
        run.rates = Rates(*(found[f"rate_{name}"] for name in _RATES))
        at.known = pa.concat_tables([run.given.base.tables["silver/demand"], _read(found["known"])])
        kept = {name.removeprefix("lessons_"): _read(found[name]) for name in found.files if name.startswith("lessons_")}
        at.lessons = Lessons.of(kept)
        at.done, at.counts = facts["done"], facts["counts"]
        at.model = None
        if facts["model"]:
            calibration, dependence, record = (json.loads(text or "null") for text in facts["model"])
            errors = Errors(**record) if record else None
            joint = Joint(found["joint"].tobytes(), **json.loads(facts["joint"])) if "joint" in facts else None
            at.model = Model(found["booster"].tobytes(), Calibration(**calibration), Dependence(**dependence), errors, joint)


def _read(content: Any) -> pa.Table:
    return pa.ipc.open_stream(content.tobytes()).read_all()


def _ipc(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(sink.getvalue())
