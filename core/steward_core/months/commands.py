"""Every module of months that declares commands, kinds of runs or jobs."""

from steward_core.months import closing, opening, pay, service, tending

__all__ = ["closing", "opening", "pay", "service", "tending"]
