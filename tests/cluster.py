"""One embedded PostgreSQL and one Valkey for the whole run; a database of its own for each worker.

The controller starts them and makes a migrated template; each worker clones it. The connection data travel to the
workers as `workerinput`.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from steward_server.embedded import EmbeddedHome, EmbeddedPostgres, EmbeddedValkey
from steward_tenants.database import migrate
from steward_tenants.database.bootstrap import bootstrap
from steward_tenants.database.database import DatabaseSettings
from steward_tenants.database.signing import NamedKey

TEMPLATE = "steward_template"
TENANT_KEYS = (NamedKey("k1", b"tests sign tenants with this key."),)
SECRET_KEYS = (NamedKey("s1", b"tests encrypt secrets with this key."),)
PASSWORDS = {"steward_migrator": "migrator", "steward_app": "app", "steward_directory": "directory"}
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}


@dataclass(frozen=True)
class Addresses:
    """Where the run's servers are."""

    superuser_dsn: str
    host: str
    port: int
    redis_url: str

    def url(self, role: str, database: str) -> str:
        """The address of `database` as one of the login roles."""
        return f"postgresql://{role}:{PASSWORDS[role]}@{self.host}:{self.port}/{database}"

    def superuser(self, database: str) -> str:
        """The address of `database` as superuser; for what only the test's own checks need."""
        return make_url(self.superuser_dsn).set(database=database).render_as_string(hide_password=False)

    def settings(self, database: str) -> DatabaseSettings:
        """Settings of the kit for `database`."""
        return DatabaseSettings(
            application_url=self.url("steward_app", database),
            directory_url=self.url("steward_directory", database),
            tenant_keys=TENANT_KEYS,
            secret_keys=SECRET_KEYS,
            pool_size=8,
        )

    def clone(self, database: str, template: str = TEMPLATE) -> None:
        """Make `database` anew from the migrated template."""
        with psycopg.connect(self.superuser_dsn, autocommit=True) as connection:
            name = sql.Identifier(database)
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))
            connection.execute(sql.SQL("create database {} template {}").format(name, sql.Identifier(template)))
        bootstrap(self.superuser_dsn, database, PASSWORDS)

    def drop(self, database: str) -> None:
        """Remove `database`."""
        with psycopg.connect(self.superuser_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))

    def as_dict(self) -> dict[str, str | int]:
        """For `workerinput`."""
        return asdict(self)


class Cluster:
    """The run's servers, in a folder that goes when the run ends."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="steward-tests-", ignore_cleanup_errors=True)
        # Root runs the servers as another user, who must be able to pass through.
        Path(self._folder.name).chmod(0o711)
        home = EmbeddedHome(Path(self._folder.name) / "home")
        self._postgres = EmbeddedPostgres(home, options=FAST)
        self._valkey = EmbeddedValkey(home)

    def start(self) -> Addresses:
        """Start both and make the template."""
        self._postgres.start()
        self._valkey.start()
        dsn = self._postgres.superuser_dsn("postgres")
        addresses = Addresses(dsn, "127.0.0.1", self._postgres.port, self._valkey.url)
        bootstrap(dsn, TEMPLATE, PASSWORDS)
        migration_url = addresses.url("steward_migrator", TEMPLATE)
        migrate.upgrade(migration_url)
        for key in TENANT_KEYS:
            migrate.add_tenant_key(migration_url, key)
        return addresses

    def stop(self) -> None:
        """Stop both."""
        self._valkey.stop()
        self._postgres.stop()
        self._folder.cleanup()
