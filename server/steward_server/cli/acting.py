"""On whose behalf a command acts. What gives somebody access needs a person of the tenant, signed in; operators only
do what an operator may: open, shut, move and erase tenants, and take access away."""

from __future__ import annotations

import getpass
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

import typer

from steward_server.cli.output import FAILED, say
from steward_server.embedded import EmbeddedHome
from steward_server.settings import Settings
from steward_tenants.access.queries import today
from steward_tenants.configuration.queries import TenantFacts, tenant_facts
from steward_tenants.database.actor import Actor, operator
from steward_tenants.database.database import Database
from steward_tenants.signin.authentication import SessionAuthenticator
from steward_tenants.signin.opening import SignedIn
from steward_tenants.signin.rules import Step
from steward_tenants.signin.service import Challenge, Outcome, answer_with_code, sign_in
from steward_tenants.signin.sessions import sign_out

TenantKey = Annotated[str, typer.Argument(metavar="TENANT", help="租户标识。The tenant's key, such as huaxin.")]
Login = Annotated[
    str,
    typer.Option(
        "--login",
        envvar="STEWARD_LOGIN",
        help="以谁的身份执行；密码取自 STEWARD_PASSWORD 或交互输入。Who does it; asks for the password.",
    ),
]
LoginIfAny = Annotated[
    str | None,
    typer.Option(
        "--login",
        envvar="STEWARD_LOGIN",
        help="以谁的身份执行；不填则为运营人员。Who does it; an operator when left out.",
    ),
]
PASSWORD = "STEWARD_PASSWORD"


def operator_here() -> Actor:
    """The operator at this command line, named after their account on this machine."""
    with suppress(KeyError, OSError):
        return operator(getpass.getuser())
    return operator(f"uid {os.getuid()}")


def tenant_id_or_key(text: str) -> UUID | str:
    """A tenant named by id or by key."""
    try:
        return UUID(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class Acting:
    """A signed-in person at the command line, or the operator."""

    tenant: TenantFacts
    actor: Actor

    @property
    def today(self) -> date:
        """The tenant's day."""
        return today(self.tenant.time_zone)


async def acting(database: Database, settings: Settings, tenant: str, login: str) -> Acting:
    """Sign a person of the tenant in, for one command. Raises what `sign_in` raises."""
    facts = await tenant_facts(database, tenant_id_or_key(tenant))
    outcome: Outcome = await sign_in(database, login, _password(settings, login), tenant_key=facts.key)
    if isinstance(outcome, Challenge) and outcome.step is Step.SECOND_FACTOR:
        code = typer.prompt("动态验证码 / code", hide_input=True, err=True)
        outcome = await answer_with_code(database, outcome.token, code)
    if not isinstance(outcome, SignedIn):
        say("请先在网页端完成登录步骤（改密或绑定动态口令）。 Complete the sign-in step in the browser first.")
        raise typer.Exit(FAILED)
    caller = await SessionAuthenticator(database).authenticate(outcome.token)
    async with database.write(facts.id, caller.actor) as session:
        await sign_out(session)
    return Acting(facts, caller.actor)


async def acting_or_operator(database: Database, settings: Settings, tenant: str, login: str | None) -> Acting:
    """The person of this login, signed in; without a login the operator, for what only takes access away."""
    if login is not None:
        return await acting(database, settings, tenant, login)
    return Acting(await tenant_facts(database, tenant_id_or_key(tenant)), operator_here())


def _password(settings: Settings, login: str) -> str:
    given = os.environ.get(PASSWORD)
    if given is not None:
        return given
    if settings.embedded and login.endswith(".example"):
        return EmbeddedHome().secrets.demo_password
    if not sys.stdin.isatty():
        say(f"没有终端可输入密码：请设置 {PASSWORD}。 There is no terminal to ask for the password: set {PASSWORD}.")
        raise typer.Exit(FAILED)
    return str(typer.prompt(f"{login} 的密码 / password", hide_input=True, err=True))
