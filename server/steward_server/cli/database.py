"""`steward migrate` and `steward keys`: the schema, and the keys that sign tenants and tokens."""

from __future__ import annotations

import asyncio
import base64
import secrets
from typing import Annotated

import typer

from steward_server.cli.acting import operator_here
from steward_server.cli.output import AsJson, Yes, confirm, say, show
from steward_server.cli.workplace import bring_up_to_date, settings_at_hand, work
from steward_server.composition import make_database
from steward_server.refresh import refresh_builtin_roles, refresh_schedules
from steward_server.settings import Settings, SettingsError
from steward_tenants.database import migrate as migrations
from steward_tenants.database.database import Database
from steward_tenants.database.signing import NamedKey
from steward_tenants.errors import invalid
from steward_tenants.oauth.keys import rotate_signing_key

keys = typer.Typer(no_args_is_help=True, help="签名密钥。Keys that sign tenants and tokens.", rich_markup_mode=None)


def _migration_url(settings: Settings) -> str:
    if settings.migration_url is None:
        raise SettingsError.missing("migration_url")
    return settings.migration_url.get_secret_value()


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="只列出尚未执行的迁移；有则退出码为 1。Only list what is missing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database to this version's schema. 例 example: steward migrate --check"""
    with settings_at_hand() as settings:
        missing = migrations.pending(_migration_url(settings))
        if not check:
            bring_up_to_date(settings)
            asyncio.run(_refresh(settings))
    show([{"revision": revision, "applied": not check} for revision in missing], as_json=as_json)
    if check and missing:
        raise typer.Exit(1)


async def _refresh(settings: Settings) -> None:
    """Tenants get what this version adds to the built-in roles, and its schedules."""
    database = make_database(settings)
    try:
        await refresh_builtin_roles(database)
        await refresh_schedules(database)
    finally:
        await database.dispose()


@keys.command("new")
def new(name: Annotated[str, typer.Argument(help="名称，如 k2。A name such as k2.")]) -> None:
    """Print a fresh key for STEWARD_TENANT_KEYS or STEWARD_SECRET_KEYS. 例 example: steward keys new k2"""
    print(f"{name}:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip('=')}")


@keys.command("accept")
def accept() -> None:
    """Have the database accept every key of STEWARD_TENANT_KEYS: the first step of a rotation, before roll-out.

    例 example: STEWARD_TENANT_KEYS=k1:…,k2:… steward keys accept
    """
    with settings_at_hand() as settings:
        bring_up_to_date(settings)
        show([{"key": key} for key in migrations.tenant_keys(_migration_url(settings))], as_json=False)


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the tenant keys that the database accepts. 例 example: steward keys list"""
    with settings_at_hand() as settings:
        accepted = migrations.tenant_keys(_migration_url(settings))
    show([{"key": key} for key in accepted], as_json=as_json)


@keys.command("retire")
def retire(name: Annotated[str, typer.Argument(help="名称，如 k1。A name such as k1.")], yes: Yes = False) -> None:
    """Refuse a tenant key from now on: the last step, when no process signs with it.

    例 example: steward keys retire k1
    """
    confirm(f"拒绝密钥 {name}？ Refuse key {name} from now on?", yes)
    with settings_at_hand() as settings:
        signing = NamedKey(name, bytes(32)).key_id
        if settings.tenant_keys.get_secret_value().startswith(f"{signing}:"):
            raise invalid(
                "name",
                "in_use",
                "该密钥正用于签名：请先把新密钥放在 STEWARD_TENANT_KEYS 的最前面。",
                "This key signs: first put the new one at the front of STEWARD_TENANT_KEYS.",
            )
        done = migrations.retire_tenant_key(_migration_url(settings), name)
    say("已拒绝。 Refused from now on." if done else "没有该密钥。 There is no such key.")
    if not done:
        raise typer.Exit(1)


@keys.command("rotate-tokens")
def rotate_tokens() -> None:
    """Make a new key for access and identity tokens; tokens under the old one stay good until they expire.

    例 example: steward keys rotate-tokens
    """

    async def task(database: Database, _settings: Settings) -> str:
        return str(await rotate_signing_key(database, operator_here().label))

    show([{"kid": work(task)}], as_json=False)
