"""The hourly round of what belongs to the whole platform. Each tenant's own upkeep is a job of its schedule; nothing
runs in one that is to be erased, so its erasure is done here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from steward_core.upkeep.platform import EVERY_SECONDS, keep_up_platform
from steward_tenants.database.database import Database
from steward_tenants.files.store import FileStore
from steward_tenants.lifecycle.deletion import purge_due
from steward_tenants.structured_logs import structlog

log = structlog.get_logger(__name__)


async def run(database: Database, store: FileStore, stop: asyncio.Event) -> None:
    """Every hour until `stop`; what fails is logged and done again an hour later. Several processes may do it. A round
    that is under way is broken off: what it does stands as far as it came, and the next goes on from there."""
    while not stop.is_set():
        await _until(stop, _round(database, store))
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_SECONDS)


async def _round(database: Database, store: FileStore) -> None:
    await _noted("tidying up", keep_up_platform(database))
    await _noted("erasing tenants", purge_due(database, store))


async def _noted(duty: str, work: Awaitable[object]) -> None:
    try:
        await work
    except Exception as error:
        log.warning("upkeep failed", duty=duty, error=type(error).__name__)


async def _until(stop: asyncio.Event, work: Awaitable[None]) -> None:
    """Do the work, or break it off when `stop` comes first."""
    tasks = (asyncio.ensure_future(work), asyncio.ensure_future(stop.wait()))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
