"""Every module of approvals that declares commands, kinds of runs or jobs."""

from __future__ import annotations

from steward_core.approvals import absences, defining, jobs, requests, service

__all__ = ["absences", "defining", "jobs", "requests", "service"]
