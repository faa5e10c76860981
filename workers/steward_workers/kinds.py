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
)


def load_kinds() -> None:
    """Declare them."""
    for name in MODULES:
        import_module(name)
