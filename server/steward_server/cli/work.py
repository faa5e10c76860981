"""The long-running processes behind the queues: workers, and what rings for them."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer

from steward_core.schedules import scheduler as schedules
from steward_server import upkeep
from steward_server.api import logs
from steward_server.cli.workplace import settings_at_hand
from steward_server.composition import make_database, make_file_store, make_worker_composition
from steward_server.settings import Settings
from steward_workers.pool import Pool
from steward_workers.relay import Relay


def worker(
    count: Annotated[int, typer.Option("--count", min=1, max=256, help="进程数。Worker processes.")] = 1,
) -> None:
    """Do jobs. Several may run, here and on other machines; SIGTERM lets each finish the job at hand.

    例 example: steward worker --count 4
    """
    with settings_at_hand() as settings:
        logs.configure(settings)
        Pool(make_worker_composition(settings), count).run()


def scheduler() -> None:
    """Ring workers for jobs that are due, fire what schedules have planned, and tidy up hourly. Several may run.

    例 example: steward scheduler
    """
    with settings_at_hand() as settings:
        logs.configure(settings)
        asyncio.run(_schedule(settings))


async def _schedule(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = make_database(settings)
    try:
        relay = Relay(database, settings.redis_url.get_secret_value(), settings.tenant_slots)
        store = make_file_store(settings)
        await asyncio.gather(relay.run(stop), schedules.run(database, stop), upkeep.run(database, store, stop))
    finally:
        await database.dispose()
