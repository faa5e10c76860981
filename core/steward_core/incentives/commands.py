"""Every module of incentives that declares commands, kinds of runs or jobs."""

from steward_core.incentives import corrections, disputes, export, members, runner, scheme_book, service

__all__ = ["corrections", "disputes", "export", "members", "runner", "scheme_book", "service"]
