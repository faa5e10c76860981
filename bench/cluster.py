"""A PostgreSQL for one measurement: embedded, with fsync as in production, gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from steward_server.embedded import EmbeddedHome, EmbeddedPostgres
from steward_tenants.database import migrate
from steward_tenants.database.bootstrap import bootstrap
from steward_tenants.database.database import DatabaseSettings
from steward_tenants.database.signing import NamedKey

DATABASE = "steward"
PASSWORDS = {"steward_migrator": "migrator", "steward_app": "app", "steward_directory": "directory"}
TENANT_KEYS = (NamedKey("k1", b"measurements sign with this key."),)
SECRET_KEYS = (NamedKey("s1", b"measurements encrypt with this.."),)


@dataclass(frozen=True)
class BenchCluster:
    """A running cluster with one migrated database."""

    superuser_dsn: str
    port: int

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address of a database as a login role."""
        return f"postgresql://{role}:{PASSWORDS[role]}@127.0.0.1:{self.port}/{database}"

    def superuser(self, database: str = DATABASE) -> str:
        """The address of a database as superuser."""
        return make_url(self.superuser_dsn).set(database=database).render_as_string(hide_password=False)

    def settings(self, pool_size: int, database: str = DATABASE) -> DatabaseSettings:
        """Settings of the kit."""
        return DatabaseSettings(
            application_url=self.url("steward_app", database),
            directory_url=self.url("steward_directory", database),
            tenant_keys=TENANT_KEYS,
            secret_keys=SECRET_KEYS,
            pool_size=pool_size,
        )

    def copy_without_row_security(self, name: str) -> None:
        """Clone the database, filled as it is, and take wall 1 down in the clone."""
        with psycopg.connect(self.superuser_dsn, autocommit=True) as connection:
            connection.execute(
                sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(DATABASE))
            )
        with psycopg.connect(self.superuser(name), autocommit=True) as connection:
            tables = connection.execute("select oid::regclass::text from pg_class where relrowsecurity").fetchall()
            for (table,) in tables:
                connection.execute(
                    sql.SQL("alter table {} disable row level security").format(sql.Identifier(*table.split(".")))
                )
            connection.execute("vacuum analyze")


LARGE: Mapping[str, str] = {"shared_buffers": "2GB", "max_wal_size": "16GB", "checkpoint_timeout": "15min"}
"""Settings of a server for a million clients (docs/operations.md): with the small ones of `steward up`, most of the
time goes into writing pages of the search keys' index again after every checkpoint."""


@contextmanager
def bench_cluster(options: Mapping[str, str] | None = None) -> Iterator[BenchCluster]:
    """Start with further server settings, prepare and migrate; stop and remove at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="steward-bench-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(EmbeddedHome(Path(folder)), options=options) as postgres,
    ):
        cluster = BenchCluster(postgres.superuser_dsn("postgres"), postgres.port)
        bootstrap(cluster.superuser_dsn, DATABASE, PASSWORDS)
        migration_url = cluster.url("steward_migrator")
        migrate.upgrade(migration_url)
        migrate.add_tenant_key(migration_url, TENANT_KEYS[0])
        yield cluster
