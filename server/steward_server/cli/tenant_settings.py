"""`steward setting`: a tenant's settings, its facts, and how its people sign in."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from steward_server.cli.acting import Acting, Login, TenantKey, acting
from steward_server.cli.output import AsJson, show
from steward_server.cli.tenant_work import reading, writing
from steward_server.cli.workplace import work
from steward_server.settings import Settings
from steward_tenants.configuration.queries import TenantFacts, all_settings
from steward_tenants.configuration.service import (
    change_facts,
    change_signin_policy,
    reset_setting,
    set_setting,
)
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession, WriteSession
from steward_tenants.directory.models import PasswordProfile

app = typer.Typer(no_args_is_help=True, help="租户设置。Settings of a tenant.", rich_markup_mode=None)

Key = Annotated[str, typer.Argument(metavar="KEY", help="设置，见 setting list。A setting's key.")]


async def _states(session: ReadSession | WriteSession, key: str | None = None) -> list[dict[str, Any]]:
    states = await all_settings(session)
    return [
        {
            "key": state.setting.key,
            "value": state.setting.adapter.dump_python(state.value, mode="json"),
            "default": state.setting.adapter.dump_python(state.setting.default, mode="json"),
            "title": f"{state.setting.title.zh} {state.setting.title.en}",
            "permission": state.setting.permission.key,
            "version": state.version,
        }
        for state in states.values()
        if key in (None, state.setting.key)
    ]


@app.command("list")
def list_settings(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """List settings with their values here. 例 example: steward setting list huaxin --login admin@huaxin.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return await _states(session)

    show(reading(tenant, login, task), as_json=as_json)


@app.command("set")
def set_value(
    tenant: TenantKey,
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="文本或 JSON。Text or JSON.")],
    login: Login,
    as_json: AsJson = False,
) -> None:
    """Change a setting. 例 example: steward setting set huaxin files.megabytes 20 --login admin@huaxin.example"""

    async def task(session: WriteSession, _who: Acting) -> list[dict[str, Any]]:
        await set_setting(session, key, _value(value))
        await session.flush()
        return await _states(session, key)

    show(writing(tenant, login, task), as_json=as_json)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@app.command("reset")
def reset(tenant: TenantKey, key: Key, login: Login, as_json: AsJson = False) -> None:
    """Go back to a default. 例 example: steward setting reset huaxin files.megabytes --login admin@huaxin.example"""

    async def task(session: WriteSession, _who: Acting) -> list[dict[str, Any]]:
        await reset_setting(session, key)
        await session.flush()
        return await _states(session, key)

    show(writing(tenant, login, task), as_json=as_json)


def _facts_row(facts: TenantFacts) -> dict[str, Any]:
    return {
        "key": facts.key,
        "name": facts.name,
        "locale": facts.locale,
        "time_zone": facts.time_zone,
        "passwords": facts.password_profile.value,
        "second_factor_required": facts.second_factor_required,
        "allowed_origins": list(facts.allowed_origins),
    }


@app.command("facts")
def facts(
    tenant: TenantKey,
    login: Login,
    name: Annotated[str | None, typer.Option(help="名称。Name.")] = None,
    locale: Annotated[str | None, typer.Option(help="zh-CN 或 en。")] = None,
    time_zone: Annotated[str | None, typer.Option(help="时区。IANA time zone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the tenant's facts, or change its name, language or time zone as a tenant admin.

    例 example: steward setting facts huaxin --name 华信通信 --login admin@huaxin.example
    """

    async def task(database: Database, settings: Settings) -> TenantFacts:
        who = await acting(database, settings, tenant, login)
        if name is None and locale is None and time_zone is None:
            return who.tenant
        return await change_facts(database, who.tenant.id, who.actor, name=name, locale=locale, time_zone=time_zone)

    show([_facts_row(work(task))], as_json=as_json)


@app.command("signin-policy")
def signin_policy(
    tenant: TenantKey,
    login: Login,
    passwords: Annotated[PasswordProfile | None, typer.Option(help="密码策略。Password policy.")] = None,
    second_factor: Annotated[
        bool | None,
        typer.Option("--second-factor/--no-second-factor", help="是否强制第二因素。Whether everybody needs one."),
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="允许的网页来源，可多次；“-”清空。Web origins; “-” for none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how people sign in, or change it as a security admin.

    例 example: steward setting signin-policy huaxin --passwords djbh3 --login security@huaxin.example
    """

    async def task(database: Database, settings: Settings) -> TenantFacts:
        who = await acting(database, settings, tenant, login)
        if passwords is None and second_factor is None and not origin:
            return who.tenant
        return await change_signin_policy(
            database,
            who.tenant.id,
            who.actor,
            password_profile=passwords,
            second_factor_required=second_factor,
            allowed_origins=None if not origin else [one for one in origin if one != "-"],
        )

    show([_facts_row(work(task))], as_json=as_json)
