"""The change gate on a small lake: the same settings pass, settings that lose sales are refused, and so is what can't be compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.config import Config
from jobs.errors import Refused, UsageError
from jobs.forecast import here, registry
from jobs.run import main
from jobs.simulate import gate, memory, span
from tests.jobs.simulate.small import CONFIG, FIRST, LAST, NIGHTS, chain


def changed(**sections: dict[str, object]) -> Config:
    values = CONFIG.model_dump()
    return Config.model_validate(values | {name: values[name] | keys for name, keys in sections.items()})


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory):
    return chain(tmp_path_factory.mktemp("gate"), items=12, stores=4)


def test_what_orders_too_little_is_worse(lake) -> None:
    with pytest.raises(Refused, match=r"(?s)allowed .*: worse.*Refused: worse") as refused:
        gate.main(lake, CONFIG, changed(planning={"reach_quantile": 0.51}), LAST, NIGHTS)
    assert refused.value.exit_code == 8


def test_what_is_charged_must_be_the_same(lake) -> None:
    with pytest.raises(UsageError, match="differ in costs"):
        gate.main(lake, CONFIG, changed(costs={"holding_rate": 0.5}), LAST, NIGHTS)
    with pytest.raises(UsageError, match="with fewer than 4 times"):
        gate.main(lake, CONFIG, CONFIG, LAST, 5)


def test_the_champion_against_itself_passes_and_neither_side_trains(lake, monkeypatch: pytest.MonkeyPatch) -> None:
    fitting = CONFIG.model_copy(update={"training": CONFIG.training.model_copy(update={"rows": 20_000, "origins": 4})})
    base = memory.masters_of(lake, span.first_drop(lake)).having(demand=memory.history(lake, FIRST, FIRST))
    model = here.train(base, fitting, FIRST)
    assert model is not None
    registry.save(lake, model, {})
    row = {"model_id": model.model_id, "business_date": LAST, "grain": "day", "champion": True, "champion_from": None, "trained": 1}
    monkeypatch.setattr(registry, "rows", lambda _: [row])
    monkeypatch.setattr(here, "train", lambda *_: pytest.fail("neither side trains"))
    said = gate.main(lake, CONFIG, CONFIG, LAST, NIGHTS, model.model_id[:6])
    assert f"{NIGHTS} nights, {FIRST} to {LAST}; the first 3" in said
    assert "candidate - live: +0 EUR (+0.00%); 95% sure at most +0 EUR (+0.00%)" in said
    assert f"The candidate model was trained on {LAST}, on nights replayed here too" in said
    assert said.endswith("Passes: the candidate may go live.")
    assert not list(Path(lake.root, "ops", "simulating").glob("gate-*")), "checkpoints are cleared away"
    with pytest.raises(UsageError, match=r"is not in ops/models"):
        gate.main(lake, CONFIG, CONFIG, LAST, NIGHTS, "nobody")


def test_the_command_names_what_changes(lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "--lake", lake.root]) == 2
    assert "name what changes with --candidate, --mode or --model" in capsys.readouterr().err
