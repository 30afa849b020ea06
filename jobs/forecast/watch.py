"""Spark jobs of the training under watch: one that stands still, or that the deadline overtakes, is cancelled."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pyspark import InheritableThread

from jobs.errors import NightfillError

if TYPE_CHECKING:
    from pyspark import SparkContext

T = TypeVar("T")

#: Seconds between two looks; how long a cancelled job may take to end; how long, at least, one may take to begin:
#: its workers start Python, import what they need and read their rows.
_LOOK, _END, _BEGIN = 0.25, 60.0, 300.0


class NotTrained(NightfillError):
    """Training was given up; the night goes on with the champion, or with the baseline."""


class Late(NotTrained):
    """The deadline of the stage has passed."""


class Hung(NightfillError):
    """A job reported nothing new for too long; it was cancelled."""


@dataclass(frozen=True, slots=True)
class Watch:
    """context: Spark's; deadline: when the stage must have ended, as time.monotonic()."""

    context: SparkContext
    deadline: float

    def run(self, work: Callable[[], T], progress: Callable[[], object] = lambda: None, hang_seconds: float = math.inf) -> T:
        """The result of ``work``, whose Spark jobs are cancelled when ``progress`` gives the same for hang_seconds.

        Progress is None until the work has begun.
        Raises what the work raises; Hung; Late when the deadline has passed.
        """
        group = f"training-{uuid.uuid4().hex[:8]}"
        done = self._start(work, group)
        seen, since = progress(), time.monotonic()
        while not done.done():
            wait([done], timeout=_LOOK)
            now, latest = time.monotonic(), progress()
            if latest != seen:
                seen, since = latest, now
            if now > self.deadline:
                self._cancel(done, group)
                raise Late("the deadline of the stage ([training] deadline_minutes) has passed")
            limit = max(hang_seconds, _BEGIN) if seen is None else hang_seconds
            if now - since > limit and not done.done():
                self._cancel(done, group)
                raise Hung(f"no new round for {limit:g} s ([training] hang_seconds)")
        return done.result()

    def _start(self, work: Callable[[], T], group: str) -> Future[T]:
        """Start the work in a thread of its own; its jobs form a group, and cancelling interrupts their tasks.

        Of an interrupted task Spark kills the Python worker (SIGKILL, after spark.python.task.killTimeout), stopped or not.
        """
        done: Future[T] = Future()

        def target() -> None:
            try:
                self.context.setJobGroup(group, "training", interruptOnCancel=True)
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001 - whoever waits raises it
                done.set_exception(error)

        InheritableThread(target, daemon=True).start()
        return done

    def _cancel(self, done: Future[T], group: str) -> None:
        """Cancel until the work has ended: it may be between two jobs."""
        end = time.monotonic() + _END
        while not done.done() and time.monotonic() < end:
            self.context.cancelJobGroup(group)
            wait([done], timeout=1.0)
