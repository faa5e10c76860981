"""Servers and processes as in production, each of which can be killed and is started again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.rows import dict_row
from redis import Redis

from steward_core.runs.service import RunTools
from steward_server.embedded import EmbeddedHome, EmbeddedPostgres, EmbeddedValkey
from steward_server.embedded.processes import die_with_parent
from steward_tenants.database import migrate
from steward_tenants.database.bootstrap import bootstrap
from steward_tenants.database.database import Database
from steward_tenants.files.store import LocalFileStore
from tests.cluster import PASSWORDS, SECRET_KEYS, TENANT_KEYS, Addresses
from tests.server.api.live import as_text

DATABASE = "steward"
PROGRAMS = {
    "worker": ("worker", "--count", "2"),
    "scheduler1": ("scheduler",),
    "scheduler2": ("scheduler",),
    "sealer": ("sealer",),
    "api": ("api", "--as-it-is"),
}
WITHIN = 60.0
LOOK_SECONDS = 0.05


class Place:
    """PostgreSQL, Valkey and all of Steward's processes over them. What ended is started again by `keep`, with the
    same command and environment; nothing else is known of it."""

    def __init__(self, folder: Path) -> None:
        # Root runs the servers as another user, who must be able to pass through.
        for path in (folder, folder.parent):
            path.chmod(0o711)
        self.folder = folder
        home = EmbeddedHome(folder / "home")
        # Processes are killed here, not machines: what was written stays, whether the disk has it or not.
        self.postgres = EmbeddedPostgres(home, options={"fsync": "off"})
        self.valkey = EmbeddedValkey(home)
        self.postgres.start()
        self.valkey.start()
        self.addresses = Addresses(
            self.postgres.superuser_dsn("postgres"), "127.0.0.1", self.postgres.port, self.valkey.url
        )
        self.superuser = self.addresses.superuser(DATABASE)
        self._prepare()
        self.database = Database(self.addresses.settings(DATABASE))
        self.tools = RunTools(LocalFileStore(folder / "files"), folder / "spool")
        self.api_port = home.port("api")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def _prepare(self) -> None:
        bootstrap(self.addresses.superuser_dsn, DATABASE, PASSWORDS)
        url = self.addresses.url("steward_migrator", DATABASE)
        migrate.upgrade(url)
        for key in TENANT_KEYS:
            migrate.add_tenant_key(url, key)
        for name in ("files", "spool"):
            (self.folder / name).mkdir(mode=0o700)

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    def _environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("STEWARD_")}
        return {
            **plain,
            "PYTHONUTF8": "1",
            "STEWARD_DATABASE_URL": self.addresses.url("steward_app", DATABASE),
            "STEWARD_DIRECTORY_URL": self.addresses.url("steward_directory", DATABASE),
            "STEWARD_REDIS_URL": self.addresses.redis_url,
            "STEWARD_TENANT_KEYS": as_text(TENANT_KEYS),
            "STEWARD_SECRET_KEYS": as_text(SECRET_KEYS),
            "STEWARD_PUBLIC_URL": self.api_url,
            "STEWARD_LISTEN_PORT": str(self.api_port),
            "STEWARD_FILES_PATH": str(self.folder / "files"),
            "STEWARD_LOG_FORMAT": "console",
            "STEWARD_LOG_LEVEL": "warning",
        }

    def keep(self) -> None:
        """Start whatever does not run."""
        for name, words in PROGRAMS.items():
            process = self.processes.get(name)
            if process is not None and process.poll() is None:
                continue
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    [sys.executable, "-P", "-m", "steward_server", *words],
                    cwd=self.folder,
                    env=self._environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # as a service has; the kernel shares a busy machine among sessions
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - it makes one system call and takes no lock
                )

    async def pause(self, seconds: float) -> None:
        """Let time pass, and start what ended meanwhile."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.keep()
            await asyncio.sleep(LOOK_SECONDS)

    async def until(self, true: Callable[[], Any], seconds: float = WITHIN) -> Any:
        """Wait until something is so; its value, or what it was last when the time is over."""
        deadline = time.monotonic() + seconds
        while not (value := true()) and time.monotonic() < deadline:
            await self.pause(LOOK_SECONDS)
        return value

    def workers(self) -> list[psutil.Process]:
        """The workers of the pool."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.processes["worker"].pid).children()
        return []

    def horses(self) -> list[psutil.Process]:
        """The work-horses that are at work."""
        found: list[psutil.Process] = []
        for worker in self.workers():
            with suppress(psutil.NoSuchProcess):
                found += worker.children()
        return found

    def backends(self) -> list[int]:
        """The processes of PostgreSQL that serve Steward's connections."""
        rows = self.rows(
            "select pid from pg_stat_activity where usename in ('steward_app', 'steward_directory') order by pid"
        )
        return [row["pid"] for row in rows]

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """What the superuser is told."""
        with psycopg.connect(self.superuser, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(statement, values).fetchall()

    def redis(self) -> Redis:
        """A client of the queue server."""
        return Redis.from_url(self.valkey.url)

    async def restart(self, service: EmbeddedPostgres | EmbeddedValkey, down: float, *, empty: bool = False) -> None:
        """kill -9 of a server, which is away for a while, and comes back at the same address."""
        port = service.port
        assert service.pid is not None
        os.kill(service.pid, signal.SIGKILL)
        while service.alive():
            await asyncio.sleep(LOOK_SECONDS)
        await self.pause(down)
        if empty:
            shutil.rmtree(service.home.service_folder(service.name, service.home.service_user(service.name)) / "data")
        service.start()
        assert service.port == port

    def logs(self) -> str:
        """The ends of all logs."""
        texts = [*self.folder.glob("*.log"), *(self.folder / "home" / "logs").glob("*.log")]
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in sorted(texts))

    def end(self) -> None:
        """Stop everything."""
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.valkey.stop()
        self.postgres.stop()


def kill(process_id: int) -> bool:
    """kill -9; False: it has ended by itself."""
    try:
        os.kill(process_id, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
