"""Which kinds of jobs workers know: the modules that declare them."""

from __future__ import annotations

from importlib import import_module

MODULES = (
    "steward_core.clients.nightly",
    "steward_core.runs.jobs",
    "steward_core.upkeep.jobs",
    "steward_core.schedules.jobs",
    "steward_core.notifications.jobs",
    "steward_core.webhooks.jobs",
    "steward_core.approvals.commands",
    "steward_core.plans.commands",
    "steward_core.visits.commands",
    "steward_core.promises.commands",
    "steward_core.opportunities.commands",
    "steward_core.performance.commands",
    "steward_core.incentives.commands",
    "steward_core.reports.commands",
    "steward_core.months.commands",
)


def load_kinds() -> None:
    """Declare them."""
    for name in MODULES:
        import_module(name)
