"""A process of workers, or a relay, for the tests: `python -m tests.workers.program worker|relay settings.json`."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path

from steward_core.schedules import scheduler as schedules
from steward_tenants.database.database import Database, DatabaseSettings
from steward_tenants.database.floors import load_floors
from steward_tenants.database.signing import parse_keys
from steward_tenants.files.store import LocalFileStore
from steward_tenants.outbox.jobs import JobTools
from steward_tenants.signin.mail import FolderMailer
from steward_workers.composition import Composition
from steward_workers.pool import Pool
from steward_workers.relay import Relay
from tests.workers import kinds  # noqa: F401 - declares them


def composition(values: dict[str, str], folder: Path) -> Composition:
    """Parts over the test's servers."""

    def database() -> Database:
        load_floors()
        return Database(
            DatabaseSettings(
                values["application_url"],
                values["directory_url"],
                parse_keys(values["tenant_keys"]),
                parse_keys(values["secret_keys"]),
                pool_size=4,
            )
        )

    def tools() -> JobTools:
        return JobTools(LocalFileStore(folder / "files"), FolderMailer(folder / "mail"), "http://127.0.0.1")

    return Composition(values["redis_url"], database, tools)


async def relay(parts: Composition, slots: int | None) -> None:
    """Ring until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = parts.database()
    await asyncio.gather(Relay(database, parts.redis_url, slots).run(stop), schedules.run(database, stop))
    await database.dispose()


def main() -> None:
    """Run until SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="%(process)d %(name)s %(message)s")
    what, place = sys.argv[1], Path(sys.argv[2])
    values = json.loads(place.read_text())
    parts = composition(values, place.parent)

    if what == "worker":
        load_floors()
        Pool(parts, int(values["count"])).run()
    else:
        asyncio.run(relay(parts, values["slots"]))


if __name__ == "__main__":
    main()
