"""`steward user`: people of a tenant."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import select

from steward_server.cli.acting import Acting, Login, LoginIfAny, TenantKey, acting, acting_or_operator
from steward_server.cli.answers import plain
from steward_server.cli.naming import PERSON, UNIT, UNIT_HELP, Person, named
from steward_server.cli.output import AsJson, Yes, confirm, show
from steward_server.cli.people import list_users, show_user
from steward_server.cli.tenant_work import reading, writing
from steward_server.cli.workplace import work
from steward_server.composition import make_mailer
from steward_server.settings import Settings
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession, WriteSession
from steward_tenants.people.membership import create_user, disable_user, enable_user
from steward_tenants.people.models import User
from steward_tenants.people.service import move_user
from steward_tenants.signin.queries import sessions_of_user
from steward_tenants.signin.recovery import invite
from steward_tenants.signin.self_service import reset_second_factor
from steward_tenants.signin.sessions import revoke_user_sessions

app = typer.Typer(no_args_is_help=True, help="人员。People of a tenant.", rich_markup_mode=None)
app.command("list")(list_users)
app.command("show")(show_user)


def _row(user: User) -> dict[str, Any]:
    return {"id": str(user.id), "login": user.login, "status": user.status}


@app.command("create")
def create(
    tenant: TenantKey,
    new_login: Annotated[
        str, typer.Argument(metavar="NEW_LOGIN", help="新用户登录名（邮箱）。The new person's login.")
    ],
    name: Annotated[str, typer.Option(help="姓名。Name.")],
    login: Login,
    unit: Annotated[str | None, typer.Option(help=UNIT_HELP)] = None,
    phone: Annotated[str | None, typer.Option(help="手机号。Phone.")] = None,
    employee_number: Annotated[str | None, typer.Option(help="工号。Employee number.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a person as a tenant admin, and invite them.

    例 example: steward user create huaxin zhao@hx.example --name 赵一 --unit SALES --login a@hx.example
    """

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        unit_id = None
        if unit:
            async with database.read(who.tenant.id, who.actor) as session:
                unit_id = await named(session, UNIT, unit)
        fields: dict[str, Any] = {"login": new_login, "name": name}
        fields |= {k: v for k, v in {"phone": phone, "employee_number": employee_number}.items() if v}
        user = await create_user(database, who.tenant.id, who.actor, fields=fields, today=who.today, unit_id=unit_id)
        invitation = await invite(
            database, make_mailer(settings), who.tenant.id, who.actor, user.id, public_url=settings.public_url
        )
        return {**_row(user), "invited": invitation.mailed_to}

    show([work(task)], as_json=as_json)


@app.command("disable")
def disable(
    tenant: TenantKey,
    person: Person,
    reason: Annotated[str, typer.Option(help="原因。Why.")],
    login: LoginIfAny = None,
    as_json: AsJson = False,
) -> None:
    """Shut a person out of a tenant, within a second.

    例 example: steward user disable huaxin zhao@hx.example --reason 离职
    """

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting_or_operator(database, settings, tenant, login)
        user_id = await _id_of(database, who, person)
        user = await disable_user(database, who.tenant.id, who.actor, user_id, today=who.today, reason=reason)
        return _row(user)

    show([work(task)], as_json=as_json)


async def _id_of(database: Database, who: Acting, person: str) -> UUID:
    async with database.read(who.tenant.id, who.actor) as session:
        return await named(session, PERSON, person)


@app.command("enable")
def enable(tenant: TenantKey, person: Person, login: Login, as_json: AsJson = False) -> None:
    """Let a disabled person in again; sessions from before stay ended.

    例 example: steward user enable huaxin zhao@hx.example --login a@hx.example
    """

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        user_id = await _id_of(database, who, person)
        return _row(await enable_user(database, who.tenant.id, who.actor, user_id, today=who.today))

    show([work(task)], as_json=as_json)


@app.command("move")
def move(
    tenant: TenantKey,
    person: Person,
    unit: Annotated[str, typer.Option("--unit", help=UNIT_HELP)],
    login: Login,
    as_json: AsJson = False,
) -> None:
    """Put a person into another unit.

    例 example: steward user move huaxin zhao@hx.example --unit ENT-WEST --login a@hx.example
    """

    async def task(session: WriteSession, who: Acting) -> dict[str, Any]:
        user_id, unit_id = await named(session, PERSON, person), await named(session, UNIT, unit)
        version = await session.scalar(select(User.version).where(session.within(User), User.id == user_id))
        user = await move_user(session, user_id, unit_id=unit_id, version=version or 0, today=who.today)
        return {**_row(user), "unit_id": str(user.unit_id)}

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("invite")
def send_invitation(tenant: TenantKey, person: Person, login: Login, as_json: AsJson = False) -> None:
    """Send somebody who has not started yet a fresh invitation; without an address, its link is shown here.

    例 example: steward user invite huaxin zhao@hx.example --login a@hx.example
    """

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        user_id = await _id_of(database, who, person)
        invitation = await invite(
            database, make_mailer(settings), who.tenant.id, who.actor, user_id, public_url=settings.public_url
        )
        url = None if invitation.mailed_to else invitation.url
        return {"mailed_to": invitation.mailed_to, "url": url, "expires_at": invitation.expires_at}

    show([work(task)], as_json=as_json)


@app.command("reset-second-factor")
def drop_second_factor(
    tenant: TenantKey, person: Person, login: Login, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Take a lost second factor away from another person, as a security admin; ends their sessions.

    例 example: steward user reset-second-factor huaxin zhao@hx.example --login s@hx.example --yes
    """
    confirm(f"重置 {person} 的第二因素？ Reset the second factor of {person}?", yes)

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        user_id = await _id_of(database, who, person)
        await reset_second_factor(database, who.tenant.id, who.actor, user_id)
        return {"id": str(user_id), "second_factor": "reset"}

    show([work(task)], as_json=as_json)


@app.command("sessions")
def list_sessions(tenant: TenantKey, person: Person, login: Login, as_json: AsJson = False) -> None:
    """List a person's open sessions, as a security admin.

    例 example: steward user sessions huaxin zhao@hx.example --login s@hx.example
    """

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        lines = await sessions_of_user(session, await named(session, PERSON, person))
        return [plain(line) for line in lines]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("revoke-sessions")
def revoke_sessions(
    tenant: TenantKey,
    person: Person,
    session_ids: Annotated[
        list[UUID] | None, typer.Option("--session", help="会话编号，可多次；不填则全部。All when left out.")
    ] = None,
    login: LoginIfAny = None,
    as_json: AsJson = False,
) -> None:
    """End a person's sessions, within a second. 例 example: steward user revoke-sessions huaxin zhao@hx.example"""

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting_or_operator(database, settings, tenant, login)
        async with database.write(who.tenant.id, who.actor, even_suspended=login is None) as session:
            user_id = await named(session, PERSON, person)
            return {"id": str(user_id), "ended": await revoke_user_sessions(session, user_id, session_ids)}

    show([work(task)], as_json=as_json)
