"""The one entry: job name -> job. ``spark-submit jobs/run.py`` and the console script `nightfill` both come in here."""

from __future__ import annotations


def main() -> int:
    """Run the command line."""
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
