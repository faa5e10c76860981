"""What a superuser does once per cluster and database, before the first migration.

Five roles, none of which has another's rights: `steward_owner` (owns everything, cannot log in),
`steward_migrator` (logs in, becomes the owner to migrate), `steward_app` (reads and writes tenant tables under
row-level security), `steward_directory` (directory tables only), `steward_verifier` (owns the verifier of the signed
tenant, cannot log in, reads nothing but the verifier's keys).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from typing import LiteralString

import psycopg
from psycopg import sql

from steward_tenants.database.policies import (
    APPLICATION_ROLE,
    DIRECTORY_ROLE,
    MIGRATION_ROLE,
    OWNER_ROLE,
    VERIFIER_ROLE,
)
from steward_tenants.database.tables import DIRECTORY_SCHEMA, KIT_SCHEMA, TENANT_SCHEMA

_LOCK = 0x57E3A2B
LOGIN_ROLES = (MIGRATION_ROLE, APPLICATION_ROLE, DIRECTORY_ROLE)

_SHARED_CHANNELS: tuple[LiteralString, ...] = (
    "pg_cancel_backend(integer)",
    "pg_terminate_backend(integer, bigint)",
    "pg_stat_get_activity(integer)",
    "pg_stat_get_backend_activity(integer)",
    "pg_notify(text, text)",
    "pg_logical_emit_message(boolean, text, text, boolean)",
    "pg_logical_emit_message(boolean, text, bytea, boolean)",
    "lo_creat(integer)",
    "lo_create(oid)",
    "lo_from_bytea(oid, bytea)",
    "lo_open(oid, integer)",
    "lo_get(oid)",
    "lo_get(oid, bigint, integer)",
    "lo_put(oid, bigint, bytea)",
    "lo_unlink(oid)",
)
"""Functions through which transactions of one role could reach each other across tenants; PUBLIC loses them."""


def role_statements(passwords: Mapping[str, str]) -> Iterator[sql.Composed]:
    """Create or update the five roles; `passwords` has one entry for each of `LOGIN_ROLES`."""
    options = "nosuperuser nocreatedb nocreaterole noreplication nobypassrls"
    for role in (OWNER_ROLE, VERIFIER_ROLE, *LOGIN_ROLES):
        yield sql.SQL(
            "do $$ begin if not exists (select from pg_roles where rolname = {name}) then"
            " create role {role}; end if; exception when duplicate_object or unique_violation then null; end $$"
        ).format(name=sql.Literal(role), role=sql.Identifier(role))
    yield sql.SQL("alter role {} nologin inherit " + options).format(sql.Identifier(OWNER_ROLE))
    yield sql.SQL("alter role {} nologin inherit " + options).format(sql.Identifier(VERIFIER_ROLE))
    for role in LOGIN_ROLES:
        yield sql.SQL("alter role {} login noinherit " + options + " password {}").format(
            sql.Identifier(role), sql.Literal(passwords[role])
        )
    yield sql.SQL("grant {} to {}").format(sql.Identifier(OWNER_ROLE), sql.Identifier(MIGRATION_ROLE))
    yield sql.SQL("grant {} to {} with inherit false, set true").format(
        sql.Identifier(VERIFIER_ROLE), sql.Identifier(OWNER_ROLE)
    )
    for role in (APPLICATION_ROLE, DIRECTORY_ROLE):
        for setting, value in (
            ("idle_in_transaction_session_timeout", "60s"),
            ("lock_timeout", "10s"),
            ("row_security", "on"),
        ):
            yield sql.SQL("alter role {} set {} = {}").format(
                sql.Identifier(role), sql.SQL(setting), sql.Literal(value)
            )


def database_statements(database: str) -> Iterator[sql.Composed]:
    """Shut the database for PUBLIC, open it for the login roles, and make the three schemas."""
    name = sql.Identifier(database)
    yield sql.SQL("revoke all on database {} from public").format(name)
    yield sql.SQL("revoke all on schema {} from public").format(sql.Identifier("public"))
    for function in _SHARED_CHANNELS:
        yield sql.SQL("revoke execute on function pg_catalog.{} from public").format(sql.SQL(function))
    yield sql.SQL("revoke usage on language {} from public").format(sql.Identifier("plpgsql"))
    yield sql.SQL("grant usage on language plpgsql to {}, {}").format(
        sql.Identifier(OWNER_ROLE), sql.Identifier(VERIFIER_ROLE)
    )
    for role in (OWNER_ROLE, VERIFIER_ROLE):
        # What migrations create later is nobody's until they grant it.
        yield sql.SQL("alter default privileges for role {} revoke execute on functions from public").format(
            sql.Identifier(role)
        )
    for role in LOGIN_ROLES:
        yield sql.SQL("grant connect on database {} to {}").format(name, sql.Identifier(role))
    yield sql.SQL("grant create on database {} to {}").format(name, sql.Identifier(OWNER_ROLE))
    for schema in (TENANT_SCHEMA, DIRECTORY_SCHEMA, KIT_SCHEMA):
        yield sql.SQL("create schema if not exists {} authorization {}").format(
            sql.Identifier(schema), sql.Identifier(OWNER_ROLE)
        )
    yield sql.SQL("grant usage on schema {}, {} to {}").format(
        sql.Identifier(TENANT_SCHEMA), sql.Identifier(KIT_SCHEMA), sql.Identifier(APPLICATION_ROLE)
    )
    yield sql.SQL("grant usage on schema {} to {}, {}").format(
        sql.Identifier(DIRECTORY_SCHEMA), sql.Identifier(DIRECTORY_ROLE), sql.Identifier(APPLICATION_ROLE)
    )
    yield sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(KIT_SCHEMA), sql.Identifier(DIRECTORY_ROLE))
    yield sql.SQL("grant usage, create on schema {} to {}").format(
        sql.Identifier(KIT_SCHEMA), sql.Identifier(VERIFIER_ROLE)
    )


def bootstrap(superuser_dsn: str, database: str, passwords: Mapping[str, str]) -> None:
    """Prepare the cluster's roles and `database` (created when missing). Safe to run again, and by several at once.

    Raises psycopg.Error when the role in `superuser_dsn` may not do so.
    """
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])
        for statement in role_statements(passwords):
            connection.execute(statement)
        known = connection.execute("select from pg_database where datname = %s", [database]).fetchone()
        if known is None:
            connection.execute(
                sql.SQL("create database {} template template0 encoding 'UTF8'").format(sql.Identifier(database))
            )
        with psycopg.connect(superuser_dsn, dbname=database, autocommit=True) as inside:
            for statement in database_statements(database):
                inside.execute(statement)


def main() -> None:
    """`python -m steward_tenants.database.bootstrap`: prepare a server of one's own, once, as its superuser."""
    parser = argparse.ArgumentParser(
        description="Create Steward's roles and schemas. Passwords of the login roles are read from"
        " STEWARD_MIGRATOR_PASSWORD, STEWARD_APP_PASSWORD and STEWARD_DIRECTORY_PASSWORD."
        " 创建 Steward 的角色与模式；登录角色的密码取自上述环境变量。"
    )
    parser.add_argument("superuser_url", help="postgresql://postgres:…@host:5432/postgres")
    parser.add_argument("database", help="the database; created when missing")
    arguments = parser.parse_args()
    variables = {role: f"{role.upper()}_PASSWORD" for role in LOGIN_ROLES}
    missing = [name for name in variables.values() if not os.environ.get(name)]
    if missing:
        parser.error(f"未设置 / not set: {', '.join(missing)}")
    bootstrap(
        arguments.superuser_url,
        arguments.database,
        {role: os.environ[name] for role, name in variables.items()},
    )


if __name__ == "__main__":
    main()
