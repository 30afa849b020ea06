"""Quality: which rows break which checks, and the gates that may stop a night."""

from jobs.quality.rows import judge

__all__ = ["judge"]
