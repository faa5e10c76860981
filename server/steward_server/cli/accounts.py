"""`steward account`: accounts, which belong to no single tenant; for operators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy import select

from steward_server.cli.acting import operator_here
from steward_server.cli.output import AsJson, Yes, confirm, show
from steward_server.cli.workplace import work
from steward_server.settings import Settings
from steward_tenants.database.database import Database
from steward_tenants.directory.models import Account, AccountStatus
from steward_tenants.people.errors import AccountNotFound
from steward_tenants.signin.self_service import reset_second_factor_as_operator
from steward_tenants.signin.sessions import set_account_status

app = typer.Typer(no_args_is_help=True, help="账号，供运营人员。Accounts, for operators.", rich_markup_mode=None)

AccountLogin = Annotated[str, typer.Argument(metavar="LOGIN", help="登录名。Login.")]


async def _account(database: Database, login: str) -> UUID:
    async with database.directory() as directory:
        found: UUID | None = await directory.scalar(select(Account.id).where(Account.login == login.strip().lower()))
    if found is None:
        raise AccountNotFound
    return found


@app.command("disable")
def disable(login: AccountLogin, yes: Yes = False, as_json: AsJson = False) -> None:
    """Shut an account out of all its tenants, within a second.

    例 example: steward account disable zhao@hx.example --yes
    """
    confirm(f"停用账号 {login}？ Disable the account {login}?", yes)
    _set(login, AccountStatus.DISABLED, as_json)


@app.command("enable")
def enable(login: AccountLogin, as_json: AsJson = False) -> None:
    """Take that back; sessions from before stay ended. 例 example: steward account enable zhao@hx.example"""
    _set(login, AccountStatus.ACTIVE, as_json)


def _set(login: str, status: AccountStatus, as_json: bool) -> None:
    async def task(database: Database, _settings: Settings) -> None:
        await set_account_status(database, await _account(database, login), status, operator=operator_here().label)

    work(task)
    show([{"login": login, "status": status.value}], as_json=as_json)


@app.command("reset-second-factor")
def reset_second_factor(login: AccountLogin, yes: Yes = False, as_json: AsJson = False) -> None:
    """Take a lost second factor away where no single tenant may; ends all sessions, and is told to every tenant.

    例 example: steward account reset-second-factor zhao@hx.example --yes
    """
    confirm(f"重置 {login} 的第二因素？ Reset the second factor of {login}?", yes)

    async def task(database: Database, _settings: Settings) -> None:
        await reset_second_factor_as_operator(database, await _account(database, login), operator_here())

    work(task)
    show([{"login": login, "second_factor": "reset"}], as_json=as_json)
