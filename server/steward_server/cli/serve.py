"""The long-running processes: the API and the audit sealer."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Annotated

import typer
import uvicorn

from steward_server.api import logs
from steward_server.api.one_write import OneWriteProtocol
from steward_server.cli.workplace import settings_at_hand
from steward_server.composition import make_database
from steward_server.settings import Settings
from steward_tenants.audit.sealer import Sealer

WITHOUT_DOCSTRINGS = 2
"""Python's -OO: a worker takes 7 MB less. `up` goes without it, which would have every module compiled once more."""


def api(
    workers: Annotated[int, typer.Option(min=1, help="进程数。Worker processes.")] = 1,
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", hidden=True, help="不以 -OO 重新启动。Without starting anew under -OO.")
    ] = False,
) -> None:
    """Serve the API at STEWARD_LISTEN_HOST:STEWARD_LISTEN_PORT. 例 example: steward api --workers 4"""
    if not as_it_is and sys.flags.optimize < WITHOUT_DOCSTRINGS:
        os.execv(sys.executable, [sys.executable, "-OO", *sys.orig_argv[1:], "--as-it-is"])  # noqa: S606 - our own arguments
    with settings_at_hand() as settings:
        uvicorn.run(
            "steward_server.api.application:from_environment",
            factory=True,
            host=settings.listen_host,
            port=settings.listen_port,
            workers=workers,
            loop="uvloop",
            http=OneWriteProtocol,
            ws_max_size=4_000_000,  # bytes; the longest message of GraphQL has a million characters
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=8,
        )


def sealer() -> None:
    """Seal audit events into their tenants' hash chains. Several may run.

    例 example: steward sealer
    """
    with settings_at_hand() as settings:
        logs.configure(settings)
        asyncio.run(_seal(settings))


async def _seal(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = make_database(settings)
    try:
        await Sealer(database).run(stop)
    finally:
        await database.dispose()
