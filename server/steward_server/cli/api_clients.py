"""`steward api-client`: API clients of a tenant."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import select

from steward_server.cli.acting import Login, TenantKey, acting, operator_here, tenant_id_or_key
from steward_server.cli.output import AsJson, Yes, confirm, show
from steward_server.cli.workplace import work
from steward_server.settings import Settings
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession
from steward_tenants.oauth.errors import ClientNotFound
from steward_tenants.oauth.models import ApiClient
from steward_tenants.oauth.rules import CLIENT_CREDENTIALS, ClientPlan, parse_client_id
from steward_tenants.oauth.service import connect_client, create_client, revoke_client

Client = Annotated[str, typer.Argument(metavar="CLIENT", help="client_id、编号或名称。Its client_id, id or name.")]

app = typer.Typer(no_args_is_help=True, help="对接应用。API clients of a tenant.", rich_markup_mode=None)


@app.command("create")
def create(
    tenant: TenantKey,
    name: Annotated[str, typer.Option(help="名称。Name.")],
    login: Login,
    permission: Annotated[list[str] | None, typer.Option(help="权限，可多次。A permission; may be repeated.")] = None,
    grant: Annotated[list[str] | None, typer.Option(help="授权方式。Grant type; may be repeated.")] = None,
    redirect_uri: Annotated[list[str] | None, typer.Option(help="回调地址。Redirect URI; may be repeated.")] = None,
    scope: Annotated[Scope, typer.Option(help="数据范围。Which rows it reaches.")] = Scope.ALL,
    auth_method: Annotated[str, typer.Option(help="认证方式。Authentication method.")] = "client_secret_basic",
    as_json: AsJson = False,
) -> None:
    """Propose an API client as a security admin; `client connect` takes it into use.

    例 example: steward api-client create huaxin --name BOSS --permission people.view --login s@hx.example
    """

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        plan = ClientPlan(
            name=name,
            grant_types=tuple(grant or (CLIENT_CREDENTIALS,)),
            permissions=tuple(permission or ()),
            redirect_uris=tuple(redirect_uri or ()),
            auth_method=auth_method,
            scope=scope,
        )
        async with database.write(who.tenant.id, who.actor) as session:
            made = await create_client(session, plan)
        return {"client_id": made.client_id, "status": "proposed"}

    show([work(task)], as_json=as_json)


@app.command("connect")
def connect(tenant: TenantKey, client: Client, login: Login, as_json: AsJson = False) -> None:
    """Take a proposed API client into use as a tenant admin, or give one in use a new secret, shown this once.

    例 example: steward api-client connect huaxin BOSS --login a@hx.example
    """

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        async with database.write(who.tenant.id, who.actor) as session:
            made = await connect_client(session, await _find(session, client))
        return {"client_id": made.client_id, "client_secret": made.secret}

    show([work(task)], as_json=as_json)


@app.command("list")
def list_clients(tenant: TenantKey, as_json: AsJson = False) -> None:
    """List API clients with what they may do. 例 example: steward api-client list huaxin"""

    async def task(database: Database, _settings: Settings) -> list[dict[str, Any]]:
        facts = await tenant_facts(database, tenant_id_or_key(tenant))
        async with database.read(facts.id, operator_here(), even_suspended=True) as session:
            clients = await session.scalars(select(ApiClient).where(session.within(ApiClient)).order_by(ApiClient.name))
        return [
            {
                "name": client.name,
                "status": client.status,
                "permissions": client.permissions,
                "grants": client.grant_types,
                "id": str(client.id),
            }
            for client in clients
        ]

    show(work(task), as_json=as_json)


@app.command("revoke")
def revoke(
    tenant: TenantKey,
    client: Client,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Refuse an API client and its tokens, within a second. 例 example: steward api-client revoke huaxin BOSS --yes"""
    confirm(f"撤销 {client}？ Revoke {client}?", yes)

    async def task(database: Database, _settings: Settings) -> dict[str, Any]:
        facts = await tenant_facts(database, tenant_id_or_key(tenant))
        async with database.write(facts.id, operator_here(), even_suspended=True) as session:
            client_id = await _find(session, client)
            ended = await revoke_client(session, client_id)
        return {"id": str(client_id), "tokens_ended": ended}

    show([work(task)], as_json=as_json)


async def _find(session: TenantSession, client: str) -> UUID:
    client_id: UUID | None = _id_in(client) or await session.scalar(
        select(ApiClient.id).where(session.within(ApiClient), ApiClient.name == client)
    )
    if client_id is None:
        raise ClientNotFound(kind="API client")
    return client_id


def _id_in(text: str) -> UUID | None:
    parsed = parse_client_id(text)
    if parsed is not None:
        return parsed[1]
    try:
        return UUID(text)
    except ValueError:
        return None
