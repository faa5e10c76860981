"""Where a command works: the servers that the settings name, or the embedded ones, running or started for it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from steward_server.composition import make_database
from steward_server.embedded import EmbeddedError, EmbeddedHome, EmbeddedPostgres, EmbeddedValkey, HomeInUse
from steward_server.settings import Settings, SettingsError, load_settings
from steward_tenants.database.bootstrap import bootstrap
from steward_tenants.database.database import Database
from steward_tenants.database.signing import parse_keys

T = TypeVar("T")
NAMED_BY = "STEWARD_DATABASE_URL"
STARTING_SECONDS = 20.0


def names_own_servers() -> bool:
    """Whether the environment or `.env` names a database, so that the embedded one is not meant."""
    if os.environ.get(NAMED_BY):
        return True
    try:
        return f"{NAMED_BY}=" in Path(".env").read_text(encoding="utf-8")
    except OSError:
        return False


class Embedded:
    """The embedded services of this clone, and the settings with which the product runs on them."""

    def __init__(self) -> None:
        self.home = EmbeddedHome()
        self.postgres = EmbeddedPostgres(self.home)
        self.valkey = EmbeddedValkey(self.home)

    @property
    def _note(self) -> Path:
        return self.home.path / "running.json"

    def start(self) -> Settings:
        """Start both, prepare the database, and give the settings. Raises HomeInUse, EmbeddedError."""
        self.postgres.start()
        self._note.unlink(missing_ok=True)
        self.valkey.start()
        environment = self.home.settings_environment(self.postgres.port, self.valkey.url, self.home.port("api"))
        os.environ.update(environment)
        settings = load_settings(env_file=None)
        self._prepare(settings)
        self._tell_others(environment["STEWARD_LISTEN_PORT"])
        return settings

    def _tell_others(self, api_port: str) -> None:
        part = self._note.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_text(json.dumps([self.postgres.port, self.valkey.url, api_port]))
        part.replace(self._note)

    def _prepare(self, settings: Settings) -> None:
        secrets = self.home.secrets
        passwords = {
            "steward_migrator": secrets.steward_migrator_password,
            "steward_app": secrets.steward_app_password,
            "steward_directory": secrets.steward_directory_password,
        }
        bootstrap(self.postgres.superuser_dsn(), "steward", passwords)
        bring_up_to_date(settings)

    def running(self) -> Settings:
        """The settings of the `steward up` that runs in this clone; waits while it is still starting.

        Raises EmbeddedError when what holds the home never says where its servers are.
        """
        deadline = time.monotonic() + STARTING_SECONDS
        while not self._note.exists():
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    "另一进程正占用内置服务，请稍后重试。 Another process holds the embedded services; try again."
                )
            time.sleep(0.2)
        port, valkey_url, api_port = json.loads(self._note.read_text())
        os.environ.update(self.home.settings_environment(int(port), valkey_url, int(api_port)))
        return load_settings(env_file=None)

    def stop(self) -> None:
        """Stop both."""
        self._note.unlink(missing_ok=True)
        self.valkey.stop()
        self.postgres.stop()


def bring_up_to_date(settings: Settings) -> None:
    """Migrate and have the database accept the tenant keys of the settings."""
    if settings.migration_url is None:
        raise SettingsError.missing("migration_url")
    from steward_tenants.database import migrate  # noqa: PLC0415 - 8 MB, and the API comes by here without it

    url = settings.migration_url.get_secret_value()
    migrate.upgrade(url)
    for key in parse_keys(settings.tenant_keys.get_secret_value()):
        migrate.add_tenant_key(url, key)


@contextmanager
def settings_at_hand() -> Iterator[Settings]:
    """The settings for one command; embedded services that are not running are started for its duration."""
    if names_own_servers():
        yield load_settings()
        return
    embedded = Embedded()
    with ExitStack() as stack:
        try:
            stack.callback(embedded.stop)
            settings = embedded.start()
        except HomeInUse:
            stack.pop_all()
            settings = embedded.running()
        yield settings


def work(task: Callable[[Database, Settings], Awaitable[T]]) -> T:
    """Run one command's asynchronous work over the database at hand."""

    async def run(settings: Settings) -> T:
        database = make_database(settings)
        try:
            return await task(database, settings)
        finally:
            await database.dispose()

    with settings_at_hand() as settings:
        return asyncio.run(run(settings))
