"""Every module of plans that declares commands, kinds of runs or jobs."""

from steward_core.plans import actions, days, opening, service, settings

__all__ = ["actions", "days", "opening", "service", "settings"]
