"""Checkpoints of a booster in training: written by the first worker, read by who starts again.

Gone on from a checkpoint, the booster is the same to the bit, though its rounds draw rows and columns at random: XGBoost
draws from a generator whose state no checkpoint keeps, so at every checkpoint training goes on as a restart would, with a
booster read anew and a seed of its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import isnan
from pathlib import Path

from xgboost import Booster, collective
from xgboost.callback import TrainingCallback

from jobs.lake import put

_ENDING = ".ubj"
#: Seconds between two reports of the round; checkpoints kept.
_REPORT, _KEPT = 1.0, 2
Log = TrainingCallback.EvalsLog


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The folder of one fit: a file <round>.ubj a checkpoint, and for each attempt the round it has reached."""

    folder: Path

    def newest(self) -> Booster | None:
        """The booster with the most rounds; None without one."""
        names = self.names()
        return Booster(model_file=bytearray((self.folder / names[-1]).read_bytes())) if names else None

    def names(self) -> list[str]:
        """Files of the checkpoints, oldest first."""
        return sorted(path.name for path in self.folder.glob(f"*{_ENDING}"))

    def save(self, booster: Booster) -> None:
        """Write a checkpoint and drop old ones."""
        put(self.folder / f"{booster.num_boosted_rounds():06d}{_ENDING}", bytes(booster.save_raw("ubj")))
        for name in self.names()[:-_KEPT]:
            (self.folder / name).unlink(missing_ok=True)

    def report(self, attempt: str, rounds: int) -> None:
        """Say that an attempt has reached a round."""
        put(self.folder / f"{attempt}.round", str(rounds).encode())

    def reported(self, attempt: str) -> str | None:
        """The round that an attempt has reached; None before the first."""
        try:
            return (self.folder / f"{attempt}.round").read_text()
        except FileNotFoundError:
            return None


class Checkpointing(TrainingCallback):
    """Reports each round and saves every so many, from the first worker; ``seed``: of what the rounds draw at random."""

    def __init__(self, checkpoints: Checkpoints, attempt: str, every: int, seed: int = 0) -> None:
        self.checkpoints, self.attempt, self.every, self.seed = checkpoints, attempt, every, seed
        self.reported = 0.0

    def before_training(self, model: Booster) -> Booster:
        """Report that the rows are loaded."""
        self._report(model.num_boosted_rounds())
        self._sow(model)
        return model

    def after_iteration(self, model: Booster, epoch: int, evals_log: Log) -> bool:  # noqa: ARG002 - xgboost's signature
        """Never stops the training; ArithmeticError where a loss is not a number, since all later rounds build on it.

        Seen with XGBoost 3.2.0: vector leaves of quantiles on two workers.
        """
        if any(isnan(float(str(losses[-1]))) for measured in evals_log.values() for losses in measured.values()):
            raise ArithmeticError(f"the loss of round {model.num_boosted_rounds()} is not a number: these parameters can't be trained")
        done = model.num_boosted_rounds()
        if done % self.every == 0:
            if collective.get_rank() == 0:
                self.checkpoints.save(model)
            self._begin_again(model)
        if time.monotonic() - self.reported > _REPORT:
            self._report(done)
        return False

    def _begin_again(self, model: Booster) -> None:
        """Forget what a restart would not know: what sampled columns keeps a generator of its own, as old as the booster."""
        settings = model.save_config()
        model.load_model(model.save_raw("ubj"))
        model.load_config(settings)
        self._sow(model)

    def _sow(self, model: Booster) -> None:
        """Seed the generator by the round: XGBoost does so itself where the seed changes."""
        model.set_param({"seed": (self.seed + model.num_boosted_rounds() + 1) % 2**31})

    def _report(self, rounds: int) -> None:
        self.reported = time.monotonic()
        if collective.get_rank() == 0:
            self.checkpoints.report(self.attempt, rounds)


class EarlyStopping(TrainingCallback):
    """Stops when the held-out rows' loss, of which less is better, has not improved for ``rounds`` rounds.

    Rounds before the ``least`` are never the best ones. What xgboost's own keeps in memory this one keeps in the
    booster's attributes, so that a checkpoint has it too.
    """

    def __init__(self, rounds: int, least: int = 1) -> None:
        self.rounds, self.least = rounds, least

    def after_iteration(self, model: Booster, epoch: int, evals_log: Log) -> bool:  # noqa: ARG002 - xgboost's signature
        """Whether to stop."""
        if model.num_boosted_rounds() < self.least:
            return False
        (losses,) = evals_log["validation"].values()
        loss, last, best = float(str(losses[-1])), model.num_boosted_rounds() - 1, model.attr("best_score")
        if best is None or loss < float(best):
            model.set_attr(best_score=repr(loss), best_iteration=str(last))
            return False
        return last - int(model.attr("best_iteration") or 0) >= self.rounds


def best_rounds(booster: Booster) -> int:
    """Rounds up to the best one for the held-out rows; all of them where none were held out."""
    best = booster.attr("best_iteration")
    return booster.num_boosted_rounds() if best is None else int(best) + 1
