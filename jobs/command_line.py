"""The command line: names, options and their help (design.md section 9: it changes only by adding)."""

from __future__ import annotations

import argparse
from datetime import date

NIGHT_JOBS = {
    "nightly": "the whole night in one Spark session",
    "prepare": "ingest and its gates (first task of the DAG)",
    "predict": "features, training when due, forecast (second task)",
    "decide": "plan, evaluation, gates on what is published (third task)",
    "publish": "make the night visible (last task)",
    "ingest": "landing files -> bronze -> silver; starts an attempt",
    "quality": "landing gate and reconciliation",
    "features": "silver -> features",
    "train": "train the forecast model when due",
    "forecast": "features -> forecasts",
    "plan": "forecasts -> orders",
    "evaluate": "projections, exceptions, KPIs, accuracy",
    "check": "gates on orders and forecasts, and the orders checked on their own; of a published night too",
}


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="nightfill", description="Decides, every night, what each location of a retailer should order.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in NIGHT_JOBS.items():
        _add_night_job(commands.add_parser(name, help=text, description=text))
    _add_reports(commands)
    _add_tools(commands)
    return top


def _add_night_job(job: argparse.ArgumentParser) -> None:
    job.add_argument("--landing", help="landing folder (needed by jobs that ingest, and for --business-date latest)")
    job.add_argument("--lake", required=True, help="lake folder; made if missing")
    job.add_argument("--business-date", default="today", help="the night: a date, `today` (default) or `latest` (newest drop)")
    job.add_argument("--run-after", help="moment that `today` is taken from (an ISO timestamp; default: now)")
    job.add_argument("--config", help="TOML file; every key has a default")
    job.add_argument("--mode", help="way of deciding: stochastic (the default), sequential, feedback or joint")
    job.add_argument("--train", choices=("auto", "always", "never"), default="auto", help="auto: when there is no model or it is old")
    job.add_argument("--launched-by", help="name of the run that starts the night (Airflow's run id): its retries go on with its attempt")
    job.add_argument("--dry-run", action="store_true", help="do everything but publish")
    job.add_argument("--keep-problem", metavar="DIR", help="keep the plan problem as files, for `nightfill solve`")


def _add_reports(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for name, text in {
        "status": "last nights, attempts, where each stopped, the next command",
        "summary": "a night's orders, service, exceptions, and where the tables are",
        "export": "a night's published orders as CSV",
    }.items():
        report = commands.add_parser(name, help=text, description=text)
        report.add_argument("--lake", required=True)
        if name != "status":
            report.add_argument("--business-date", default="latest", help="a date, or `latest` (default: the newest published night)")
        if name == "export":
            report.add_argument("--out", help="file to write; default: the terminal")
    sql = commands.add_parser("sql", help="query the published views in DuckDB")
    sql.add_argument("query", nargs="?", help="SQL; without it, a prompt")
    sql.add_argument("--lake", required=True)
    sql.add_argument("--format", choices=("table", "csv"), default="table")
    views = commands.add_parser("views", help="print the CREATE VIEW statements of the published views")
    views.add_argument("--lake", required=True)
    views.add_argument("--engine", choices=("spark", "trino"), default="spark")
    replay = commands.add_parser("replay", help="decide a published night again and compare the bytes")
    replay.add_argument("--lake", required=True)
    replay.add_argument("--business-date", required=True)
    replay.add_argument("--force", action="store_true", help="also when the code has changed since")


def _add_tools(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    importer = commands.add_parser("import", help="turn a public data set into landing drops")
    importer.add_argument("dataset", choices=("freshretailnet",))
    importer.add_argument("file")
    importer.add_argument("--landing", required=True)
    importer.add_argument("--first", required=True, type=date.fromisoformat, help="first business date; history comes in its drop")
    importer.add_argument("--last", required=True, type=date.fromisoformat, help="last business date: one drop each")
    for name in ("city", "store", "product"):
        importer.add_argument(f"--{name}", type=int, action="append", help=f"only this {name} (the publisher's number); may be repeated")
    importer.add_argument("--hourly", action="store_true", help="sales by the hour, and the hours out of stock")
    world = commands.add_parser("world", help="make up a retailer whose law of demand is known: a landing folder, and the truth beside it")
    world.add_argument("--config", required=True, help="TOML file of the world (docs/world.md), or a preset: calm, retail, hard, small")
    world.add_argument("--landing", required=True, help="landing folder to write; must be empty")
    world.add_argument("--truth", required=True, help="folder for what the retailer doesn't see; must be empty")
    sample = commands.add_parser("sample", help="load the bundled sample into a landing folder")
    sample.add_argument("--landing", required=True)
    sample.add_argument("--night", type=int, default=1, help="how many of its seven nightly drops to bring, 1..7")
    solve = commands.add_parser("solve", help="solve a plan problem kept as files")
    solve.add_argument("folder")
    solve.add_argument("--out", required=True)
    solve.add_argument("--deadline", type=float, help="seconds")
    _add_backtest(commands)
    _add_simulate(commands)
    _add_gate(commands)
    models = commands.add_parser("models", help="trained models, how good, which is champion; makes an earlier one champion again")
    models.add_argument("--lake", required=True)
    models.add_argument("--use", metavar="MODEL_ID", help="make this model champion (the beginning of its name is enough)")
    models.add_argument("--from", dest="first", type=date.fromisoformat, metavar="D", help="with --use: from this business date on")


def _add_backtest(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    backtest = commands.add_parser("backtest", help="forecast past origins and compare with what happened")
    backtest.add_argument("--lake", required=True)
    backtest.add_argument("--origins", help="business dates, comma separated; or --first, --last and --every")
    backtest.add_argument("--first", type=date.fromisoformat, help="first origin, a business date")
    backtest.add_argument("--last", type=date.fromisoformat, help="last origin, a business date")
    backtest.add_argument("--every", type=int, default=7, help="periods from origin to origin (default 7)")
    backtest.add_argument("--horizon", type=int, default=7, help="periods forecast from each origin (default 7)")
    backtest.add_argument(
        "--model", choices=("train", "champion"), default="train", help="train one as of each origin, or take the champion of its night"
    )
    backtest.add_argument("--retrain-every", type=int, default=1, metavar="N", help="train at every Nth origin only")
    backtest.add_argument("--out", metavar="FILE.html", help="write a page with plots")
    backtest.add_argument("--config", help="TOML file; every key has a default")


def _add_simulate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    simulate = commands.add_parser("simulate", help="replay past nights under several ways of deciding, and compare what they cost")
    against = simulate.add_mutually_exclusive_group(required=True)
    against.add_argument("--landing", help="landing folder whose sales are replayed; the lake has read it")
    against.add_argument("--world", help="TOML file or preset of a world, whose landing folder the lake has read: its law draws demand")
    simulate.add_argument("--lake", required=True)
    simulate.add_argument(
        "--first", type=date.fromisoformat, help="first night; stock and orders under way are its own (a world: its first drop)"
    )
    simulate.add_argument(
        "--last", type=date.fromisoformat, help="last night; at least 4 times lead time + review later (a world: its last drop)"
    )
    simulate.add_argument(
        "--modes",
        default="stochastic,sequential,base_stock",
        help="comma separated: stochastic, sequential, feedback, joint, sequential_normal, base_stock, perfect, fenced, no_...; "
        "--world: oracle, law; all: the night's modes, base_stock, and with --world oracle and perfect",
    )
    simulate.add_argument("--out", metavar="FILE.html", help="write a page with plots")
    simulate.add_argument("--config", help="TOML file; every key has a default")


def _add_gate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    gate = commands.add_parser("gate", help="replay the last nights with a changed configuration or model: may it go live?")
    gate.add_argument("--lake", required=True)
    gate.add_argument("--config", help="TOML file of what is live; every key has a default")
    gate.add_argument("--candidate", help="TOML file of the candidate; default: what is live")
    gate.add_argument("--mode", help="the candidate's way of deciding, whatever its file says")
    gate.add_argument(
        "--model", metavar="MODEL_ID", help="the candidate's model (the beginning of its name is enough), against the champion"
    )
    gate.add_argument("--last", type=date.fromisoformat, help="last night replayed; default: the last day with sales")
    gate.add_argument("--nights", type=int, help="nights replayed; default: [gate] nights of what is live")
    gate.add_argument("--world", help="TOML file or preset of a world, whose landing folder the lake has read: its law draws demand")
