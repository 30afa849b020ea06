"""Whether a model that forecasts better decides worse: the nights that neither it nor the champion has seen, replayed with both.

The registry asks this before a challenger becomes champion. It is done on a sample of items (sample.py), in the driver's process.
"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import UsageError
from jobs.simulate import gate, noninferior, running, sample, span

if TYPE_CHECKING:
    from datetime import date

    from jobs.config import Config
    from jobs.forecast.model import Model
    from jobs.lake import Lake


def in_money(lake: Lake, config: Config, first: date, night: date, challenger: Model, champion: Model) -> tuple[bool, str]:
    """Whether a challenger may become champion, and why, in words.

    first .. night - 1  nights that neither has learned from. They are mostly too few to show that a model costs at most a margin
    more, so [gate] models says what refuses it: "worse", or "undecided" as well; "off": nothing is replayed.
    """
    if config.gate.models == "off":
        return True, "not replayed"
    last = night - timedelta(days=1)
    try:
        few = sample.of_lake(lake, config.gate.lines, first, last)
        over = span.of(few, config, first, last)
    except UsageError as error:
        return True, f"not replayed: {error}"
    settings = config.model_copy(update={"simulation": config.simulation.model_copy(update={"demand": config.simulation.demand[:1]})})
    sides = gate.Side(gate.LIVE, settings, champion, gate.keep), gate.Side(gate.CANDIDATE, settings, challenger, gate.keep)
    with tempfile.TemporaryDirectory(prefix="nightfill-gate-") as folder:
        pairs = list(gate.replayed(running.setting(few, settings, over), over, sides, over.nights, Path(folder)))
    judged = [noninferior.judge(theirs, ours, config.gate.margin) for ours, theirs in pairs]
    word = noninferior.settled(each.word for each in judged)
    refused = word == "worse" or (word == "undecided" and config.gate.models == "undecided")
    gap = sum(each.candidate - each.live for each in judged) / max(sum(each.live for each in judged), 1e-9)
    text = f"replayed {over.nights} nights of {len(pairs[0][0].items)} item-locations: {gap:+.1%} of cost, {word}"
    return not refused, text
