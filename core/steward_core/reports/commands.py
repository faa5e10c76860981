"""Every module of reports that declares commands, kinds of runs or jobs."""

from steward_core.reports import meetings, reminders, service

__all__ = ["meetings", "reminders", "service"]
