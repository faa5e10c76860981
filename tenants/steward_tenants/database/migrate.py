"""Bringing the database to the code's schema, and the verifier's keys.

Runs as the migration role, which becomes the owner. Waits at most five seconds for a table's lock, so that a busy
table makes the migration fail rather than the product stand still; two migrations at once wait for each other.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, pool, text

from steward_tenants.database.database import driver_url
from steward_tenants.database.floors import load_floors
from steward_tenants.database.policies import OWNER_ROLE, VERIFIER_ROLE
from steward_tenants.database.signing import NamedKey
from steward_tenants.database.tables import KIT_SCHEMA

MIGRATIONS = Path(__file__).parents[1] / "migrations"
LOCK = 0x57E3A2D
LOCK_TIMEOUT = "5s"


def _config() -> Config:
    versions = [MIGRATIONS / "versions", *(floor.migrations for floor in load_floors())]
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, versions)).replace("%", "%%"))
    return config


@contextmanager
def _as_owner(migration_url: str) -> Iterator[Connection]:
    engine = create_engine(driver_url(migration_url), poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"set role {OWNER_ROLE}"))
        connection.execute(text(f"set lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        yield connection


def upgrade(migration_url: str, revision: str = "head") -> None:
    """Apply what is missing, each migration in its own transaction."""
    with _as_owner(migration_url) as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def downgrade(migration_url: str, revision: str) -> None:
    """Undo migrations down to `revision` (`base`: all)."""
    with _as_owner(migration_url) as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def pending(migration_url: str) -> tuple[str, ...]:
    """Revisions that the code has and the database has not, oldest first."""
    scripts = ScriptDirectory.from_config(_config())
    with _as_owner(migration_url) as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": "migration", "version_table_schema": KIT_SCHEMA}
        )
        current = context.get_current_heads()
    missing = scripts.iterate_revisions("heads", current or "base")
    return tuple(script.revision for script in missing)[::-1]


def heads() -> tuple[str, ...]:
    """The newest revision of the code; more than one only while migrations are being merged."""
    return tuple(sorted(ScriptDirectory.from_config(_config()).get_heads()))


def as_sql() -> str:
    """All migrations as one SQL script, for the migration lint."""
    config = _config()
    config.output_buffer = io.StringIO()
    command.upgrade(config, "head", sql=True)
    return config.output_buffer.getvalue()


def add_tenant_key(migration_url: str, key: NamedKey) -> bool:
    """Have the database accept tokens under `key`; True when it was not known. The first step of a rotation."""
    inner, outer = key.pads()
    with _as_verifier(migration_url) as connection:
        added = connection.execute(
            text(
                "insert into steward.tenant_key (key_id, inner_pad, outer_pad) values (:id, :inner, :outer)"
                " on conflict (key_id) do nothing returning key_id"
            ),
            {"id": key.key_id, "inner": inner, "outer": outer},
        ).first()
        return added is not None


def retire_tenant_key(migration_url: str, key_id: str) -> bool:
    """Have the database refuse tokens under this key from now on; True when it was accepted before."""
    with _as_verifier(migration_url) as connection:
        retired = connection.execute(
            text("delete from steward.tenant_key where key_id = :id returning key_id"), {"id": key_id}
        ).first()
        return retired is not None


def tenant_keys(migration_url: str) -> tuple[str, ...]:
    """Names of the keys that the database accepts, oldest first."""
    with _as_verifier(migration_url) as connection:
        rows = connection.execute(text("select key_id from steward.tenant_key order by added_at, key_id"))
        return tuple(row[0] for row in rows)


@contextmanager
def _as_verifier(migration_url: str) -> Iterator[Connection]:
    engine = create_engine(driver_url(migration_url), poolclass=pool.NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"set local role {VERIFIER_ROLE}"))
        yield connection
