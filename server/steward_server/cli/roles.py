"""`steward role`: roles and who holds them. Changes are commands: `steward command list`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.answers import plain
from steward_server.cli.naming import PERSON, Person, named
from steward_server.cli.output import AsJson, show
from steward_server.cli.tenant_work import reading
from steward_tenants.access.permissions import Permission, catalogue
from steward_tenants.access.role_queries import GrantLine, RoleLine, grants_history, holders_of, list_roles
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import invalid

app = typer.Typer(no_args_is_help=True, help="角色与授权。Roles and grants.", rich_markup_mode=None)


def permission_called(key: str) -> Permission:
    """The permission of this key. Raises InvalidInput."""
    permission = catalogue.get(key)
    if permission is None:
        known = ", ".join(known.key for known in catalogue.all())
        raise invalid("permission", "unknown", f"没有此权限；可用：{known}。", f"No such permission; use {known}.")
    return permission


@app.command("list")
def list_all(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """List roles with their permissions and how many hold them.

    例 example: steward role list huaxin --login security@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> list[dict[str, Any]]:
        return [_role(line, as_json) for line in await list_roles(session, who.today)]

    show(reading(tenant, login, task), as_json=as_json)


def _role(line: RoleLine, as_json: bool) -> dict[str, Any]:
    if as_json:
        found: dict[str, Any] = plain(line)
        return found
    return {
        "key": line.key,
        "title": f"{line.title_zh} {line.title_en}",
        "duty": line.duty.value,
        "holders": line.holders,
        "version": line.version,
        "id": line.id,
        "permissions": line.permissions,
    }


@app.command("holders")
def holders(
    tenant: TenantKey,
    permission: Annotated[str, typer.Argument(metavar="PERMISSION", help="权限。A permission's key.")],
    login: Login,
    as_json: AsJson = False,
) -> None:
    """List who holds a permission today, and through which grant.

    例 example: steward role holders huaxin reveal.phone --login audit@huaxin.example
    """
    wanted = permission_called(permission)

    async def task(session: ReadSession, who: Acting) -> list[dict[str, Any]]:
        return [_line(line, as_json) for line in await holders_of(session, wanted, who.today)]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("grants")
def grants(tenant: TenantKey, person: Person, login: Login, as_json: AsJson = False) -> None:
    """List a person's grants: past, present and planned; the id is what `access.grants.revoke` takes.

    例 example: steward role grants huaxin chen.li@huaxin.example --login security@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> list[dict[str, Any]]:
        lines = await grants_history(session, await named(session, PERSON, person), who.today)
        return [_line(line, as_json) for line in lines]

    show(reading(tenant, login, task), as_json=as_json)


def _line(line: GrantLine, as_json: bool) -> dict[str, Any]:
    if as_json:
        found: dict[str, Any] = plain(line)
        return found
    return {
        "name": line.name,
        "login": line.login,
        "role": line.role_key,
        "scope": line.scope.value,
        "from": line.valid_from,
        "until": line.valid_until,
        "id": line.id,
    }
