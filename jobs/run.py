"""The one entry: job name -> job. ``spark-submit jobs/run.py`` and the console script `nightfill` both come in here."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from jobs import config as settings
from jobs import which_night
from jobs.command_line import NIGHT_JOBS, parser
from jobs.errors import NightfillError, UsageError
from jobs.lake import Lake

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from jobs.simulate.world import WorldConfig


def run_night_job(args: argparse.Namespace) -> int:
    """Run one job of the night."""
    from jobs import session, stages

    config = settings.load(args.config, mode=args.mode)
    names = stages.stages_of(args.command)
    if "ingest" in names and not args.landing:
        raise UsageError(f"`nightfill {args.command}` reads landing files: name their folder with --landing")
    lake = Lake(_root(args))
    business_date = which_night.of_job(args, names, config, lake)
    spark = session.start(f"nightfill {args.command} {business_date}")
    lake = replace(lake, spark=spark)
    job = stages.Job(spark, lake, config, business_date, args.landing or "", args.train, args.dry_run, args.keep_problem)
    stages.run(job, names, args.launched_by)
    if args.command == "nightly" and not args.dry_run:
        from jobs.publish import summary

        print(summary.text(lake, business_date))
    return 0


def _root(args: argparse.Namespace) -> str:
    return str(Path(args.lake).absolute()) if "://" not in args.lake else str(args.lake)


def _open(args: argparse.Namespace) -> Lake:
    lake = Lake(args.lake)
    if not lake.exists("ops/nights"):
        raise UsageError(f"there is no lake at {args.lake}: `nightfill nightly --landing DIR --lake {args.lake}` makes one")
    return lake


def _published_date(args: argparse.Namespace, lake: Lake) -> date:
    if args.business_date != "latest":
        return which_night.resolve(args.business_date, settings.Config(), None, None)
    runs = lake.published_runs()
    if not runs:
        raise UsageError("no night has been published yet: look at `nightfill status`")
    return max(runs)


def run_status(args: argparse.Namespace) -> int:
    """Print the last nights."""
    from jobs.publish import status

    print(status.text(_open(args)))
    return 0


def run_summary(args: argparse.Namespace) -> int:
    """Print a night's summary."""
    from jobs.publish import summary

    lake = _open(args)
    print(summary.text(lake, _published_date(args, lake)))
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Write a night's orders as CSV."""
    from jobs.publish import export

    lake = _open(args)
    export.write(lake, _published_date(args, lake), args.out)
    return 0


def run_sql(args: argparse.Namespace) -> int:
    """Query the published views."""
    from jobs.publish import sql

    return sql.run(_open(args), args.query, args.format)


def run_views(args: argparse.Namespace) -> int:
    """Print the views' definitions."""
    from jobs.publish import views

    print(views.statements(_open(args), args.engine))
    return 0


def run_replay(args: argparse.Namespace) -> int:
    """Decide a night again and compare."""
    from jobs import session
    from jobs.publish import replay

    _open(args)
    spark = session.start(f"nightfill replay {args.business_date}")
    print(replay.replay(Lake(_root(args), spark), date.fromisoformat(args.business_date), args.force))
    return 0


def run_import(args: argparse.Namespace) -> int:
    """Write landing drops from a public data set."""
    from jobs.ingest.importers.freshretailnet import import_freshretailnet

    chosen = (args.city, args.store, args.product)
    print(import_freshretailnet(args.file, args.landing, args.first, args.last, *chosen, hourly=args.hourly))
    return 0


def run_world(args: argparse.Namespace) -> int:
    """Write a made-up retailer and the truth about it."""
    from jobs.simulate.world import job, load

    print(job.main(load(args.config), args.landing, args.truth))
    return 0


def run_sample(args: argparse.Namespace) -> int:
    """Load the bundled sample."""
    from jobs.ingest.importers.sample import load_sample

    business_date = load_sample(args.landing, args.night)
    print(f"Sample loaded into {args.landing}: all that is known on the night of {business_date}")
    return 0


def run_solve(args: argparse.Namespace) -> int:
    """Solve a kept plan problem."""
    from jobs import BEGAN
    from jobs.plan.files import solve_folder

    print(solve_folder(args.folder, args.out, args.deadline, BEGAN))
    return 0


def run_backtest(args: argparse.Namespace) -> int:
    """Backtest past origins."""
    from jobs import session
    from jobs.forecast import backtest
    from jobs.forecast.design import Design, origins_of

    config = settings.load(args.config)
    origins = origins_of(args.origins, args.first, args.last, args.every, config.grain)
    _open(args)
    spark = session.start("nightfill backtest")
    lake = Lake(_root(args), spark)
    print(backtest.main(spark, lake, config, Design(origins, args.horizon, args.model, args.retrain_every), args.out))
    return 0


def _world(args: argparse.Namespace) -> WorldConfig | None:
    from jobs.simulate.world import load

    return load(args.world) if args.world else None


def run_simulate(args: argparse.Namespace) -> int:
    """Replay the nights of a span."""
    from jobs.simulate import job as simulate

    config = settings.load(args.config)
    if args.landing and not Path(args.landing).is_dir():
        raise UsageError(f"there is no landing folder {args.landing}")
    lake, modes = _open(args), tuple(mode.strip() for mode in args.modes.split(",") if mode.strip())
    made, first, last = _world(args), args.first, args.last
    if made:
        first, last = first or made.span.first_drop, last or made.span.last
    if first is None or last is None:
        raise UsageError("--first and --last name the nights to simulate; only a world has its own")
    print(simulate.main(lake, config, first, last, modes, args.out, made))
    return 0


def run_gate(args: argparse.Namespace) -> int:
    """Say whether a changed configuration or model may go live."""
    from jobs.simulate import gate

    if not (args.candidate or args.mode or args.model):
        raise UsageError("nothing to compare: name what changes with --candidate, --mode or --model")
    live = settings.load(args.config)
    candidate = settings.load(args.candidate or args.config, mode=args.mode)
    print(gate.main(_open(args), live, candidate, args.last, args.nights, args.model, _world(args)))
    return 0


def run_models(args: argparse.Namespace) -> int:
    """List models, or make one champion again."""
    from jobs.forecast import listing, registry

    lake = _open(args)
    if (args.use is None) != (args.first is None):
        raise UsageError("--use MODEL_ID and --from D go together: which model, and from which business date on")
    lake.create_tables()  # a lake of an older version lacks columns of ops/models
    if args.use:
        print(registry.use(lake, args.use, args.first) + "\n")
    print(listing.text(registry.rows(lake)))
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    **dict.fromkeys(NIGHT_JOBS, run_night_job),
    "status": run_status,
    "summary": run_summary,
    "export": run_export,
    "sql": run_sql,
    "views": run_views,
    "replay": run_replay,
    "import": run_import,
    "world": run_world,
    "sample": run_sample,
    "solve": run_solve,
    "backtest": run_backtest,
    "simulate": run_simulate,
    "gate": run_gate,
    "models": run_models,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; what stops a job is one message and an exit code (jobs/errors.py)."""
    args = parser().parse_args(argv)
    try:
        return COMMANDS[args.command](args)
    except NightfillError as error:
        print(f"nightfill {args.command}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `nightfill export | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last line of defence: say it in one line below the trace
        traceback.print_exc()
        print(f"nightfill {args.command} failed: {type(error).__name__}: {str(error)[:500]}", file=sys.stderr)
        print(
            "Nothing was published; what was read stays. `nightfill status` says where it stopped; running it again is safe.",
            file=sys.stderr,
        )
        return 1


def command() -> NoReturn:
    """Run the command line and leave the process at once, without the interpreter's shutdown.

    There a thread of a native library (Arrow, DuckDB, delta-rs) can still abort the process: seen on a busy machine as
    exit code 134 after a night that had been published, which Airflow then called failed.
    """
    code = main()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    command()
