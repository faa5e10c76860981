"""`steward command`: every command that stands alone, as a signed-in person."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages
from typing import Annotated, Any

import typer

import steward_core
import steward_tenants
from steward_server.cli.acting import Login, TenantKey, acting
from steward_server.cli.answers import as_rows, plain, settled, without_secret
from steward_server.cli.arguments import DAY, parameters_of, read, takes_day, with_ids
from steward_server.cli.output import AsJson, show
from steward_server.cli.workplace import work
from steward_server.settings import Settings
from steward_tenants.commands.service import COMMANDS, CommandInfo, once
from steward_tenants.database.database import Database
from steward_tenants.errors import NotFound

PACKAGES = (steward_tenants, steward_core)
"""Where commands are declared: in the modules of these."""

app = typer.Typer(no_args_is_help=True, help="业务命令。Commands, run by hand.", rich_markup_mode=None)


def import_all() -> None:
    """Import every module that declares something: commands, kinds of runs."""
    for package in PACKAGES:
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name:
                import_module(module.name)


def commands() -> dict[str, CommandInfo]:
    """The commands that stand alone, by key."""
    import_all()
    return {key: COMMANDS[key] for key in sorted(COMMANDS) if COMMANDS[key].alone}


@app.command("list")
def list_commands(as_json: AsJson = False) -> None:
    """List commands with what they need and take; [brackets] mark what may be left out.

    例 example: steward command list --json
    """
    show([_described(info, as_json) for info in commands().values()], as_json=as_json)


def _described(info: CommandInfo, as_json: bool) -> dict[str, Any]:
    title, permission = info.title, info.permission.key if info.permission else None
    parameters = parameters_of(info)
    if not as_json:
        taken = [f"{p.name}={p.type_text}" if p.required else f"[{p.name}={p.type_text}]" for p in parameters]
        return {"key": info.key, "title": f"{title.zh} {title.en}", "permission": permission, "takes": "; ".join(taken)}
    return {
        "key": info.key,
        "title": {"zh-CN": title.zh, "en": title.en},
        "permission": permission,
        "parameters": [
            {"name": p.name, "type": p.type_text, "required": p.required, "default": plain(p.default)}
            for p in parameters
        ],
    }


@app.command("run")
def run(
    tenant: TenantKey,
    command: Annotated[str, typer.Argument(metavar="KEY", help="命令，见 command list。A key of `command list`.")],
    login: Login,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE", help="参数：文本或 JSON。Parameters, as text or JSON."),
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="幂等键。Idempotency key.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run one command. Persons, units and roles may be given by login, code and key.

    例 example: steward command run huaxin units.create code=ENT-N name=城北支局 parent_id=ENT --login
    admin@huaxin.example
    """
    info = commands().get(command)
    if info is None:
        raise NotFound(kind=f"命令 / command {command}")
    values = read(info, words or [])

    async def task(database: Database, settings: Settings) -> Any:
        who = await acting(database, settings, tenant, login)
        fresh: list[Any] = []
        async with database.write(who.tenant.id, who.actor) as session:
            given = await with_ids(session, values)

            async def call() -> Any:
                day = {DAY: who.today} if takes_day(info.function) else {}
                fresh.append(await settled(session, await info.function(session, **given, **day)))
                return without_secret(fresh[0])

            kept = await once(session, key, info.key, plain(given), call)
        return fresh[0] if fresh else kept

    show(as_rows(info.key, work(task)), as_json=as_json)
