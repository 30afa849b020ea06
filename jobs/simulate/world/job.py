"""``nightfill world``: a seeded retailer as a landing folder, and the truth beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import UsageError
from jobs.simulate.world import masters, truth
from jobs.simulate.world.feeds import Feeds
from jobs.simulate.world.files import Blocks
from jobs.simulate.world.world import World

if TYPE_CHECKING:
    from jobs.simulate.world.config import WorldConfig
    from jobs.simulate.world.state import State

#: Days of truth between two flushes are kept in memory up to so many rows.
_TRUTH_ROWS = 2_000_000


def main(config: WorldConfig, landing: str | Path, truth_folder: str | Path) -> str:
    """Write the landing folder and the truth of a world; returns a sentence about them. The same settings give the same bytes.

    Memory holds a day and a block of rows, whatever the span. Raises UsageError for a folder that is not empty, or the truth in
    the landing folder, where the night would take it for feeds.
    """
    land, hide = Path(landing), Path(truth_folder)
    _refuse(land, hide)
    world = World(config)
    hide.mkdir(parents=True, exist_ok=True)
    (hide / "world.json").write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
    landed, hidden = Blocks(land, config.files.format), Blocks(hide, rows=_TRUTH_ROWS)
    hidden.add("", truth.parameters(world))
    _run(world, landed, hidden)
    landed.close(empty=("sales",))
    hidden.close(empty=tuple(table.name for table in truth.TABLES))
    span, rows = config.span, world.rows
    return (
        f"{landing}: {span.nights} drops, {span.first_drop} (with the history from {span.first}) to {span.last}; {world.lines:,} lines "
        f"of {config.size.items:,} items at {config.size.stores} stores and {config.size.online} online sites, "
        f"{len(rows) - world.lines:,} items at {config.size.dcs} distribution centres; {landed.written:,} records. "
        f"What the retailer doesn't see is in {truth_folder}: {hidden.written:,} rows."
    )


def _refuse(landing: Path, hide: Path) -> None:
    for folder in (landing, hide):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder} is there already and not empty: remove it, or name another folder")
    inside = hide.resolve() == landing.resolve() or landing.resolve() in hide.resolve().parents
    if inside or hide.resolve() in landing.resolve().parents:
        raise UsageError("the truth must lie outside the landing folder, and this outside it: a night must not read it")


def _run(world: World, landed: Blocks, hidden: Blocks) -> None:
    """Every night of the span with the world's own orders; drops as soon as they are known."""
    span, feeds, state = world.config.span, Feeds(world), world.start()
    first = span.first_drop.isoformat()
    landed.add(first, masters.tables(world))
    while state.day < span.last:
        state, night = world.advance(state, world.usual_orders(state))
        hidden.add("", truth.of_night(world, night))
        if state.day > span.first_drop:
            landed.add(state.day.isoformat(), feeds.drop(state, night))
            landed.close()
            continue
        landed.add(first, feeds.happened(night))
        if _counted(world, state):
            landed.add(first, {"inventory": feeds.inventory(state)})
        if state.day == span.first_drop:
            _known(feeds, landed, state)


def _counted(world: World, state: State) -> bool:
    """Whether the history has a count of all stock after closing on the day before."""
    return (world.config.span.first_drop - state.day).days % world.config.files.inventory_every == 0


def _known(feeds: Feeds, landed: Blocks, state: State) -> None:
    """What only the end of the history says: what is under way, prices and weather from the first day on and ahead."""
    config, day = feeds.world.config, state.day.toordinal()
    first = config.span.first.toordinal()
    landed.add(
        state.day.isoformat(),
        {
            "open_orders": feeds.open_orders(state),
            "prices": feeds.prices(first, day + config.files.ahead_days),
            "signals": feeds.signals(first, day),
        },
    )
    landed.close()
