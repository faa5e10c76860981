"""The hourly round of what belongs to the whole platform. Each tenant's own upkeep is a job of its schedule."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from steward_core.upkeep.platform import EVERY_SECONDS, keep_up_platform
from steward_tenants.database.database import Database
from steward_tenants.structured_logs import structlog

log = structlog.get_logger(__name__)


async def run(database: Database, stop: asyncio.Event) -> None:
    """Every hour until `stop`; what fails is logged and done again an hour later. Several processes may do it."""
    while not stop.is_set():
        try:
            await keep_up_platform(database)
        except Exception as error:
            log.warning("upkeep failed", error=type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_SECONDS)
