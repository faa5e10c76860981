"""`steward user`: people of a tenant."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from sqlalchemy import func, select

from steward_server.cli.acting import Login, TenantKey, acting, operator_here, tenant_id_or_key
from steward_server.cli.output import AsJson, show
from steward_server.cli.workplace import work
from steward_server.composition import make_mailer
from steward_server.settings import Settings
from steward_tenants.access.queries import today
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.database.database import Database
from steward_tenants.errors import invalid
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.errors import PersonNotFound
from steward_tenants.people.membership import create_user, disable_user
from steward_tenants.people.models import User
from steward_tenants.signin.recovery import invite

app = typer.Typer(no_args_is_help=True, help="人员。People of a tenant.", rich_markup_mode=None)


@app.command("create")
def create(
    tenant: TenantKey,
    new_login: Annotated[
        str, typer.Argument(metavar="NEW_LOGIN", help="新用户登录名（邮箱）。The new person's login.")
    ],
    name: Annotated[str, typer.Option(help="姓名。Name.")],
    login: Login,
    unit: Annotated[str | None, typer.Option(help="部门编码。Code of their unit.")] = None,
    phone: Annotated[str | None, typer.Option(help="手机号。Phone.")] = None,
    employee_number: Annotated[str | None, typer.Option(help="工号。Employee number.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a person as a tenant admin, and invite them.

    例 example: steward user create huaxin zhao@hx.example --name 赵一 --unit SALES --login a@hx.example
    """

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        async with database.read(who.tenant.id, who.actor) as session:
            unit_id = await session.scalar(
                select(OrgUnit.id).where(session.within(OrgUnit), OrgUnit.code == (unit or ""))
            )
        if unit and unit_id is None:
            raise invalid("unit", "unknown", f"没有编码为 {unit} 的部门。", f"There is no unit with code {unit}.")
        fields: dict[str, Any] = {"login": new_login, "name": name}
        fields |= {k: v for k, v in {"phone": phone, "employee_number": employee_number}.items() if v}
        user = await create_user(
            database, who.tenant.id, who.actor, fields=fields, today=today(who.tenant.time_zone), unit_id=unit_id
        )
        invitation = await invite(
            database, make_mailer(settings), who.tenant.id, who.actor, user.id, public_url=settings.public_url
        )
        return {"id": str(user.id), "login": user.login, "status": user.status, "invited": invitation.mailed_to}

    show([work(task)], as_json=as_json)


@app.command("disable")
def disable(
    tenant: TenantKey,
    disabled_login: Annotated[str, typer.Argument(metavar="LOGIN", help="要停用的登录名。Whom to shut out.")],
    reason: Annotated[str, typer.Option(help="原因。Why.")],
    as_json: AsJson = False,
) -> None:
    """Shut a person out of a tenant, within a second.

    例 example: steward user disable huaxin zhao@hx.example --reason 离职
    """

    async def task(database: Database, _settings: Settings) -> dict[str, Any]:
        facts = await tenant_facts(database, tenant_id_or_key(tenant))
        actor = operator_here()
        async with database.read(facts.id, actor) as session:
            user_id = await session.scalar(
                select(User.id).where(session.within(User), User.login == func.lower(disabled_login))
            )
        if user_id is None:
            raise PersonNotFound
        user = await disable_user(database, facts.id, actor, user_id, today=today(facts.time_zone), reason=reason)
        return {"id": str(user.id), "login": user.login, "status": user.status}

    show([work(task)], as_json=as_json)
