"""What stops a night, each with its exit code; messages are for a person at 3 a.m."""

from __future__ import annotations


class NightfillError(Exception):
    """Stops the command: the message says what failed, what was kept and what to do next."""

    exit_code = 1


class UsageError(NightfillError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class Blocked(NightfillError):
    """A gate stopped the night; nothing was published."""

    exit_code = 3


class Superseded(NightfillError):
    """Another attempt at the same night is newer, or started at the same moment."""

    exit_code = 4


class CodeDiffers(NightfillError):
    """A replay was asked of a night that other code decided."""

    exit_code = 5


class NotSame(NightfillError):
    """A replay came out in other bytes."""

    exit_code = 6


class VersionsGone(NightfillError):
    """A replay needs table versions that were vacuumed."""

    exit_code = 7


class Refused(NightfillError):
    """The change gate does not let a candidate pass: it is worse, or the nights replayed tell too little."""

    exit_code = 8
