"""Which kinds of jobs workers know: the modules that declare them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

MODULES = (
    "steward_core.clients.nightly",
    "steward_core.runs.jobs",
    "steward_core.upkeep.jobs",
    "steward_core.schedules.jobs",
    "steward_core.notifications.jobs",
    "steward_core.webhooks.jobs",
)


def load_kinds() -> None:
    """Declare them. An installation without one of these modules does without its kinds."""
    for name in MODULES:
        if find_spec(name) is not None:
            import_module(name)
