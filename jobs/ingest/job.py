"""Ingest: what landed since the last night -> bronze -> silver, quarantine and ``ops/files``."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.config import Config
from jobs.ingest.arrivals import MASTERS, find_arrivals
from jobs.ingest.feed import FeedJob, feed_jobs, run_feed
from jobs.ingest.judgement import Standards
from jobs.ingest.landing import discover
from jobs.ingest.masters import read_masters
from jobs.ingest.quarantine import write_quarantine
from jobs.ingest.records import inspect, read_files, write_records, write_unknown_feeds
from jobs.ingest.report import Report, report_of
from jobs.ingest.silver import Outcome
from jobs.session import let_go, light

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.lake import Lake

log = logging.getLogger(__name__)

#: Feeds at a time: most of a small feed's time is planning on the driver.
_AT_ONCE = 3


def main(spark: SparkSession, lake: Lake, config: Config, business_date: date, landing: str) -> Report:
    """Read the drops dated <= business_date that have not been read. Run twice it changes nothing."""
    landed = discover(landing, ready_marker=config.landing.ready_marker)
    known = read_files(lake)
    deliveries = inspect(find_arrivals(landed.files, known, business_date), config.landing.drop_columns)
    write_unknown_feeds(lake, known, landed.unknown_feeds, business_date)
    jobs = feed_jobs(config, known, deliveries)
    if not jobs:
        return _reported(report_of(landed, known, deliveries))
    until = max([business_date, *(f.drop_date for f in landed.files), *(f.modified.date() for f in landed.files)])
    outcomes = _run_all(lake, jobs, Standards(None, config.timezone, config.landing.naive_timestamps, until, _zones(spark)))
    write_quarantine(lake, jobs, outcomes)
    write_records(lake, known, deliveries, outcomes, business_date)
    return _reported(report_of(landed, known, deliveries))


def _reported(report: Report) -> Report:
    for line in report.lines():
        log.warning("landing: %s", line)
    return report


def _run_all(lake: Lake, jobs: Iterable[FeedJob], standards: Standards) -> dict[str, Outcome]:
    """Feed -> what became of its records; the masters first."""
    waiting = list(jobs)
    lakes = {False: lake, True: replace(lake, spark=light(lake.session))}
    outcomes: dict[str, Outcome] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for masters_first in (True, False):
            now = [j for j in waiting if (j.feed.name in MASTERS) == masters_first]
            by_size = dict.fromkeys(lakes, standards)
            if not masters_first:
                by_size = {few: standards.with_masters(read_masters(lakes[few])) for few in {j.few for j in now}}
            settled = [pool.submit(_run, lakes[j.few], j, by_size[j.few]) for j in now]
            outcomes |= {j.feed.name: s.result() for j, s in zip(now, settled, strict=True)}
    return outcomes


def _run(lake: Lake, job: FeedJob, standards: Standards) -> Outcome:
    """One feed; its rows leave Spark's memory with it, since other feeds' come meanwhile."""
    try:
        return run_feed(lake, job, standards)
    finally:
        if not job.few:
            let_go()


def _zones(spark: SparkSession) -> frozenset[str]:
    """Time zones that Spark's Java knows: Python's list is longer by a few."""
    java: Any = spark._jvm
    zones = java.java.time.ZoneId
    names = java.java.lang.String.join
    return frozenset(f"{names(' ', zones.getAvailableZoneIds())} {names(' ', zones.SHORT_IDS.keySet())}".split())
