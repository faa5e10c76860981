"""A process of its own that drives a run until it is over, or it is killed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import steward_core.months.commands  # noqa: F401 - declares the runs
from steward_core.plans import opening
from steward_core.runs.service import RunTools, drive
from steward_tenants.database.database import Database, DatabaseSettings
from steward_tenants.database.floors import load_floors
from steward_tenants.files.store import LocalFileStore
from tests.factories import TESTS


def drive_run(settings: DatabaseSettings, tenant: UUID, run: UUID, folder: Path) -> None:
    """The run, in small chunks."""
    load_floors()
    opening.MANAGERS, opening.SPREAD = 2, 2
    asyncio.run(_drive(settings, tenant, run, folder))


async def _drive(settings: DatabaseSettings, tenant: UUID, run: UUID, folder: Path) -> None:
    database = Database(settings)
    try:
        await drive(database, tenant, TESTS, run, RunTools(LocalFileStore(folder), folder))
    finally:
        await database.dispose()
