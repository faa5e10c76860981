"""`steward support`: letting an operator in for a while, watching it, ending it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from steward_server.cli.acting import Acting, Login, LoginIfAny, TenantKey, acting, acting_or_operator
from steward_server.cli.answers import plain
from steward_server.cli.output import AsJson, show
from steward_server.cli.tenant_work import reading
from steward_server.cli.workplace import work
from steward_server.settings import Settings
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession
from steward_tenants.support.queries import SupportUse, support_accesses
from steward_tenants.support.service import SUPPORT_ROLE, end_support_access, grant_support_access

app = typer.Typer(no_args_is_help=True, help="支持访问。Support access.", rich_markup_mode=None)


@app.command("grant")
def grant(
    tenant: TenantKey,
    operator: Annotated[str, typer.Argument(metavar="OPERATOR", help="运营人员登录名。The operator's login.")],
    hours: Annotated[int, typer.Option(help="时长（小时）。For how many hours.")],
    reason: Annotated[str, typer.Option(help="原因。Why.")],
    login: Login,
    role: Annotated[str, typer.Option(help="角色。Role.")] = SUPPORT_ROLE,
    as_json: AsJson = False,
) -> None:
    """Let an operator in for some hours, as a security admin.

    例 example: steward support grant huaxin ops@steward.example --hours 2 --reason 排查登录 --login s@hx.example
    """

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        access = await grant_support_access(
            database,
            who.tenant.id,
            who.actor,
            operator_login=operator,
            hours=hours,
            reason=reason,
            role_key=role,
        )
        return {"id": str(access.id), "operator": access.operator_login, "expires_at": access.expires_at}

    show([work(task)], as_json=as_json)


@app.command("list")
def list_accesses(
    tenant: TenantKey,
    login: Login,
    live: Annotated[bool, typer.Option("--live", help="只看有效的。Only those that are open.")] = False,
    as_json: AsJson = False,
) -> None:
    """List support accesses and what operators did with them.

    例 example: steward support list huaxin --live --login s@hx.example
    """

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return [_row(use) for use in await support_accesses(session, live_only=live)]

    show(reading(tenant, login, task), as_json=as_json)


def _row(use: SupportUse) -> dict[str, Any]:
    access = use.access
    return {
        "operator": access.operator_login,
        "role": use.role_key,
        "live": use.live,
        "granted_at": access.granted_at,
        "expires_at": access.expires_at,
        "ended_at": access.ended_at,
        "sessions": use.sessions,
        "open_sessions": use.open_sessions,
        "last_seen_at": use.last_seen_at,
        "events": use.events,
        "reason": access.reason,
        "id": str(access.id),
    }


@app.command("end")
def end(
    tenant: TenantKey,
    access: Annotated[UUID, typer.Argument(metavar="ACCESS", help="编号，见 support list。Its id.")],
    login: LoginIfAny = None,
    as_json: AsJson = False,
) -> None:
    """End a support access and the operator's sessions under it, within a second.

    例 example: steward support end huaxin 019a0000-0000-7000-8000-000000000000 --login s@hx.example
    """

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting_or_operator(database, settings, tenant, login)
        async with database.write(who.tenant.id, who.actor, even_suspended=login is None) as session:
            ended = await end_support_access(session, access)
            return {"id": str(access), "operator": ended.operator_login, "ended_at": plain(ended.ended_at)}

    show([work(task)], as_json=as_json)
