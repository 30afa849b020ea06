"""Which night a command is about: a date, `today`, `latest`, or the one that the launcher's earlier task started."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from jobs.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from jobs.config import Config
    from jobs.lake import Lake


def of_job(args: argparse.Namespace, names: tuple[str, ...], config: Config, lake: Lake) -> date:
    """The night that the launcher's earlier task started, if there is one; else what --business-date says."""
    if "ingest" not in names and args.launched_by:
        from jobs.publish import nights

        started = nights.date_of(lake, args.launched_by)
        if started:
            return started
    return resolve(args.business_date, config, args.landing, args.run_after)


def resolve(text: str, config: Config, landing: str | None, run_after: str | None) -> date:
    """The business date: ISO date, `today` in config's time zone at run_after, or `latest` drop of the landing folder."""
    if text == "today":
        moment = datetime.fromisoformat(run_after) if run_after else datetime.now(UTC)
        return moment.astimezone(ZoneInfo(config.timezone)).date()
    if text == "latest":
        return _latest_drop(config, landing)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--business-date {text!r} is neither a date (YYYY-MM-DD) nor `today` nor `latest`") from None


def _latest_drop(config: Config, landing: str | None) -> date:
    from jobs.ingest.landing import discover, latest_drop

    if not landing:
        raise UsageError("--business-date latest means the newest drop: name the landing folder with --landing")
    newest = latest_drop(discover(landing, ready_marker=config.landing.ready_marker))
    if newest is None:
        raise UsageError(f"no drop has landed in {landing}: expected files in {landing}/<feed>/<YYYY-MM-DD>/")
    return newest
