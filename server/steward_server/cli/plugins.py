"""`steward plugin`: a tenant's industry plugins from enabling to disabling, and writing a new one."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from steward_core.forms.description import ValueType, field_by_name
from steward_core.industry.authoring import write_plugin
from steward_core.industry.containment import faults
from steward_core.industry.contributed_rows import RowChanges
from steward_core.industry.enabled import enabled_plugin
from steward_core.industry.models import PluginFault
from steward_core.industry.overview import SettingState, contributions, plugin_overview, settings_of
from steward_core.industry.planning import FormPlan, PluginPlan, plan
from steward_core.industry.registry import industries
from steward_core.industry.service import (
    Enabling,
    configure,
    disable,
    enable,
    rotate_secrets,
    settle_fault,
    upgrade,
)
from steward_server.cli.acting import Acting, Login, TenantKey, acting
from steward_server.cli.answers import plain
from steward_server.cli.output import FAILED, AsJson, say, show
from steward_server.cli.runs import driven
from steward_server.cli.tenant_work import reading, writing
from steward_server.cli.workplace import work
from steward_server.settings import Settings
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession, WriteSession
from steward_tenants.errors import FieldProblem, invalid
from steward_tenants.texts import Bilingual

app = typer.Typer(no_args_is_help=True, help="行业插件。Industry plugins.", rich_markup_mode=None)

Plugin = Annotated[str, typer.Argument(metavar="PLUGIN", help="插件标识。A plugin's key.")]
Values = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME=VALUE", help="设置：文本或 JSON。Settings, as text or JSON."),
]
Secrets = Annotated[
    list[str] | None,
    typer.Option("--secret", metavar="NAME", help="询问（或从标准输入逐行读取）的密钥。Secrets to ask for, or read."),
]
TEXTS = frozenset({ValueType.TEXT, ValueType.BODY, ValueType.SECRET})


def _both(text: Bilingual) -> str:
    return f"{text.zh} {text.en}"


@app.command("list")
def list_plugins(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """List plugins: installed, enabled, behind, broken. 例 example: steward plugin list huaxin --login a@hx.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return [
            {
                "plugin": one.key,
                "title": _both(one.title),
                "enabled": one.enabled,
                "working": one.working,
                "version": one.version,
                "installed": one.installed_version,
                "behind": one.behind,
                "faults": one.faults,
                "reasons": [_both(reason) for reason in one.reasons],
                "changed_at": one.changed_at,
            }
            for one in await plugin_overview(session)
        ]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("show")
def show_plugin(tenant: TenantKey, plugin: Plugin, login: Login, as_json: AsJson = False) -> None:
    """Show what an enabled plugin brings. 例 example: steward plugin show huaxin telecom --login a@hx.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        await enabled_plugin(session, plugin)
        return [
            {"part": part, "key": one.key, "title": _both(one.title)}
            for part, found in (await contributions(session)).items()
            for one in found
            if one.plugin == plugin
        ]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("enable")
def enable_plugin(
    tenant: TenantKey,
    plugin: Plugin,
    login: Login,
    values: Values = None,
    secret: Secrets = None,
    as_json: AsJson = False,
) -> None:
    """Switch a plugin on, with settings over those that it had. 例 example: steward plugin enable huaxin telecom
    --login a@hx.example"""
    given = _given(plugin, values, secret)
    _change(tenant, login, lambda session: enable(session, plugin, settings=given), as_json=as_json)


@app.command("disable")
def disable_plugin(
    tenant: TenantKey,
    plugin: Plugin,
    login: Login,
    reason: Annotated[str, typer.Option("--reason", help="原因。Why.")],
    as_json: AsJson = False,
) -> None:
    """Switch a plugin off; its records stay readable.

    例 example: steward plugin disable huaxin telecom --reason 试用结束 --login a@hx.example
    """
    _change(tenant, login, lambda session: disable(session, plugin, reason), as_json=as_json)


@app.command("upgrade")
def upgrade_plugin(
    tenant: TenantKey,
    plugin: Plugin,
    login: Login,
    later: Annotated[
        bool, typer.Option("--later", help="只登记记录迁移，稍后用 run drive 执行。Leave the runs to `run drive`.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the tenant's data up to the installed version, records too.

    例 example: steward plugin upgrade huaxin telecom --login a@hx.example
    """
    _change(tenant, login, lambda session: upgrade(session, plugin), drive=not later, as_json=as_json)


def _change(
    tenant: str,
    login: str,
    change: Callable[[WriteSession], Awaitable[Enabling]],
    *,
    drive: bool = True,
    as_json: bool,
) -> None:
    async def task(database: Database, settings: Settings) -> list[dict[str, Any]]:
        who = await acting(database, settings, tenant, login)
        async with database.write(who.tenant.id, who.actor) as session:
            done = await change(session)
        runs = [await driven(database, settings, who, run.id, run.subject) if drive else run for run in done.runs]
        head = {"plugin": done.switch.plugin, "enabled": done.switch.enabled, "version": done.switch.version}
        return [
            {
                **head,
                **{part: _changes(changes) for part, changes in done.rows.items()},
                "runs": [f"{run.subject} {run.status} {run.done}/{run.total} {run.id}" for run in runs],
            }
        ]

    show(work(task), as_json=as_json)


def _changes(changes: RowChanges) -> list[str]:
    """`added orchard`, `kept gold`, …"""
    return [f"{what} {key}" for what, keys in vars(changes).items() for key in keys]


@app.command("configure")
def configure_plugin(
    tenant: TenantKey,
    plugin: Plugin,
    login: Login,
    values: Values = None,
    secret: Secrets = None,
    reset: Annotated[
        list[str] | None, typer.Option("--reset", metavar="NAME", help="恢复默认值。Back to its default.")
    ] = None,
    expected_version: Annotated[
        int | None, typer.Option("--expected-version", help="读到的版本。The version that was read.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change settings of a plugin that is on. 例 example: steward plugin configure huaxin telecom vpn_care_months=3
    --login a@hx.example"""
    given = _given(plugin, values, secret)

    async def task(session: WriteSession, _who: Acting) -> list[dict[str, Any]]:
        await configure(session, plugin, given, expected_version, reset=reset or ())
        return [_setting(state) for state in await settings_of(session, plugin)]

    show(writing(tenant, login, task), as_json=as_json)


@app.command("settings")
def show_settings(tenant: TenantKey, plugin: Plugin, login: Login, as_json: AsJson = False) -> None:
    """Show a plugin's settings; of a secret only whether it is set.

    例 example: steward plugin settings huaxin telecom --login a@hx.example
    """

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return [_setting(state) for state in await settings_of(session, plugin)]

    show(reading(tenant, login, task), as_json=as_json)


def _setting(state: SettingState) -> dict[str, Any]:
    return {
        "name": state.field.name,
        "value": plain(state.value),
        "default": plain(state.default),
        "own": state.own,
        "title": _both(state.field.title),
    }


def _given(plugin: str, words: Sequence[str] | None, secret: Sequence[str] | None) -> dict[str, Any]:
    """The settings that were typed; those of a text's type stay as they are."""
    loaded = industries().get(plugin)
    known = field_by_name(loaded.industry.settings) if loaded else {}
    values: dict[str, Any] = {}
    for word in words or ():
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise invalid("settings", "format", f"应写作 名称=值：{word}", f"Write name=value: {word}")
        values[name] = text if name in known and known[name].type in TEXTS else _value(text)
    for name in secret or ():
        values[name] = _asked(name)
    return values


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _asked(name: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True, err=True))
    line = sys.stdin.readline()
    if not line:
        say(f"标准输入中没有 {name} 的值。 There is no value for {name} on standard input.")
        raise typer.Exit(FAILED)
    return line.rstrip("\r\n")


@app.command("diff")
def diff(tenant: TenantKey, plugin: Plugin, login: Login, as_json: AsJson = False) -> None:
    """Dry run: what enabling or upgrading would change here. 例 example: steward plugin diff huaxin telecom --login
    a@hx.example"""

    async def task(session: ReadSession, _who: Acting) -> PluginPlan:
        return await plan(session, plugin)

    show(_plan_rows(reading(tenant, login, task)), as_json=as_json, empty="（无变化 / nothing would change）")


def _plan_rows(found: PluginPlan) -> list[dict[str, Any]]:
    rows = [_line("plugin", "version", f"{found.before or '—'} → {found.after}")] if found.changes else []
    rows += [_line("plugin", "missing", key) for key in found.missing]
    rows += [_line("plugin", "conflicting", key) for key in found.conflicting]
    for part, changes in found.rows.items():
        rows += [_line(part, what, key) for what, keys in vars(changes).items() for key in keys]
    for form in found.forms:
        rows += _form_rows(form)
    rows += [_line("settings", "new", name) for name in found.settings.new] if not found.enabled else []
    rows += [_line("settings", "removed", name) for name in found.settings.removed]
    return rows + [_line("settings", "invalid", _problem(problem)) for problem in found.settings.problems]


def _form_rows(form: FormPlan) -> list[dict[str, Any]]:
    change = "retired" if form.after is None else "new" if form.before is None else "changed"
    rows = []
    if form.before != form.after:
        rows.append(_line("forms", change, f"{form.key} {form.before or '—'} → {form.after or '—'}"))
    if form.records:
        rows.append(_line("forms", "records", f"{form.key}: {form.records} ({form.failing} ✗)"))
    for example in form.examples:
        problems = "; ".join(_problem(problem) for problem in example.problems)
        rows.append(_line("forms", "failing", f"{example.record_id}: {problems}"))
    return rows


def _line(part: str, change: str, what: str) -> dict[str, Any]:
    return {"part": part, "change": change, "what": what}


def _problem(problem: FieldProblem) -> str:
    return f"{'.'.join(problem.path)} {_both(problem.message)}"


@app.command("faults")
def list_faults(
    tenant: TenantKey,
    login: Login,
    plugin: Annotated[str | None, typer.Option("--plugin", help="只看该插件。Of this plugin only.")] = None,
    settle: Annotated[UUID | None, typer.Option("--settle", help="标记为已处理的编号。Id to settle.")] = None,
    settled: Annotated[bool, typer.Option("--all", help="包括已处理的。Settled ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what failed in plugins, the latest first. 例 example: steward plugin faults huaxin --login a@hx.example"""

    async def task(session: WriteSession, _who: Acting) -> list[dict[str, Any]]:
        if settle is not None:
            await settle_fault(session, settle)
            await session.flush()
        return [_fault(row) for row in await faults(session, plugin, settled=settled)]

    show(writing(tenant, login, task), as_json=as_json)


def _fault(row: PluginFault) -> dict[str, Any]:
    names = ("plugin", "plugin_version", "hook", "error", "place", "times", "first_at", "last_at", "settled_at", "id")
    return {name: getattr(row, name) for name in names}


@app.command("rotate-secrets")
def rotate(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """Encrypt plugins' secrets under the first key of STEWARD_SECRET_KEYS, where they are under an older one.

    例 example: steward plugin rotate-secrets huaxin --login a@hx.example
    """

    async def task(session: WriteSession, _who: Acting) -> list[dict[str, Any]]:
        return [{"plugin": key, "renewed": number} for key, number in (await rotate_secrets(session)).items()]

    show(writing(tenant, login, task), as_json=as_json)


@app.command("new")
def new(
    key: Annotated[str, typer.Argument(metavar="KEY", help="插件标识，如 beverages。A key such as beverages.")],
    folder: Annotated[Path, typer.Option("--folder", help="写在哪个文件夹下。Below which folder.")] = Path("plugins"),
    title_zh: Annotated[str | None, typer.Option("--title-zh", help="中文标题。Chinese title.")] = None,
    title_en: Annotated[str | None, typer.Option("--title-en", help="英文标题。English title.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a plugin that works: a form, a trigger, an indicator, settings, tests.

    例 example: steward plugin new beverages --title-zh 饮料 --title-en Beverages
    """
    title = Bilingual(title_zh or "新行业", title_en or key.replace("_", " ").capitalize() or key)
    written = write_plugin(folder, key, title)
    show([{"file": str(path)} for path in written], as_json=as_json)
    say(
        f"接下来：运行 {folder / key} 中的测试，安装后启用；见 docs/plugins.md。"
        f" Next: run the tests in {folder / key}, install it, enable it; see docs/plugins.md."
    )
