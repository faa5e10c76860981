"""`steward import` and `steward export`: files in and out, with progress and what became of rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer

from steward_core.clients.models import ClientStatus
from steward_core.clients.queries import ClientFilter
from steward_core.imports import edge
from steward_core.imports.export import ExportRequest, export_file
from steward_core.imports.models import ImportBatch, ImportStatus
from steward_core.imports.plans import ADDED
from steward_core.imports.queries import OUTCOMES, effects, import_of, imports, mappings
from steward_core.imports.service import importers_for, save_mapping
from steward_core.imports.template import template_of
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools
from steward_server.cli.acting import Acting, Login, TenantKey, acting
from steward_server.cli.answers import plain
from steward_server.cli.naming import PERSON, UNIT, named
from steward_server.cli.options import Reveal
from steward_server.cli.output import FAILED, AsJson, Progress, say, show
from steward_server.cli.tenant_work import reading
from steward_server.cli.workplace import work
from steward_server.composition import make_file_store
from steward_server.settings import Settings
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession, TenantSession
from steward_tenants.errors import invalid

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, help="导入。Imports.", rich_markup_mode=None)

Target = Annotated[
    str,
    typer.Option(
        "--target",
        help="导入对象。client, contact, contract, product, client_product, arrears, fact, form:<plugin>.<form>.",
    ),
]
Batch = Annotated[UUID, typer.Argument(metavar="IMPORT", help="导入批次编号。Id of an import.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="跳过有误的行。Leave refused rows out.")]
OptionWords = Annotated[
    list[str] | None,
    typer.Option("--option", help="选项 名称=值（值可为 JSON），可多次。Option name=value (or JSON); may be repeated."),
]
ColumnWords = Annotated[
    list[str] | None, typer.Option("--column", help="列映射 标题=字段，可多次。HEADING=field; may be repeated.")
]
Outcome = StrEnum("Outcome", {name.upper(): name for name in OUTCOMES})  # type: ignore[misc]
"""What can have become of a row."""
_COUNTED = ("rows", "created", "updated", "unchanged", "refused", "warnings", "undone", "kept", "closed")


def _place(database: Database, settings: Settings, who: Acting) -> edge.Place:
    tools = RunTools(make_file_store(settings))
    return edge.Place(database, tools, who.tenant.id, who.actor, who.today, who.tenant.time_zone)


def _at_work(tenant: str, login: str, task: Callable[[edge.Place], Awaitable[T]]) -> T:
    async def run(database: Database, settings: Settings) -> T:
        return await task(_place(database, settings, await acting(database, settings, tenant, login)))

    return work(run)


def _watching(title: str) -> Callable[[Run], None]:
    shown = Progress(title)
    return lambda run: shown(run.kind, run.done, run.total)


def _row(batch: ImportBatch) -> dict[str, Any]:
    counts = {name: batch.counts.get(name, 0) for name in _COUNTED if batch.counts.get(name)}
    return {
        "id": str(batch.id),
        "target": batch.target,
        "file": batch.file_name,
        "status": batch.status,
        **counts,
        "error_file": None if batch.error_file_id is None else str(batch.error_file_id),
    }


def _tell_problems(batch: ImportBatch) -> None:
    titles = {field: title for title, field in batch.columns.items() if field}
    for one in batch.counts.get("problems", [])[:20]:
        path = ".".join(one["path"])
        say(f"  第 {one['row']} 行 row {one['row']}  {titles.get(path, path)}: {one['zh-CN']} {one['en']}")


def _tell_next(batch: ImportBatch, tenant: str, login: str, errors: Path | None = None) -> None:
    """What can be done now."""
    words = f"{tenant} {batch.id} --login {login}"
    if batch.status == ImportStatus.CHECKED and batch.counts.get("refused"):
        if errors is not None:
            say(f"请改正 {errors} 后重新导入。Correct {errors} and import that.")
        say(f"或跳过有误的行。Or leave refused rows out: steward import resume {words} --skip-bad")
    elif batch.status == ImportStatus.CHECKED:
        say(f"检查通过，尚未写入。Checked, not written. Next: steward import resume {words}")
    elif batch.status == ImportStatus.APPLIED:
        say(f"如需整体撤销。To take all of it back: steward import undo {words}")
    elif batch.counts.get("kept"):
        say(f"予以保留的行。Rows that stay, and why: steward import show {words} --rows --outcome kept")


@app.command("file")
def import_file(
    tenant: TenantKey,
    path: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV 或 XLSX。The file.")],
    login: Login,
    target: Target = "client",
    mapping: Annotated[str | None, typer.Option(help="已保存的或插件的列映射。A mapping by name.")] = None,
    column: ColumnWords = None,
    option: OptionWords = None,
    sheet: Annotated[str | None, typer.Option(help="工作表。The sheet.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写入。Check only.")] = False,
    skip_bad: SkipBad = False,
    save: Annotated[str | None, typer.Option("--save-mapping", help="保存列映射的名称。Save the mapping as.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a file and import it: as a whole, or with --skip-bad what is good. Problems go into a workbook beside it.

    例 example: steward import file huaxin 客户.xlsx --target client --dry-run --login chen.li@huaxin.example
    """
    words = _pairs(column or ())
    columns = {title: field if field not in ("", "null", "-") else None for title, field in words.items()}
    options = {name: _json_or_text(value) for name, value in _pairs(option or ()).items()}
    request = edge.Request(target, columns or None, mapping, options, sheet)

    async def task(place: edge.Place) -> tuple[ImportBatch, Path | None]:
        batch = await edge.check_file(place, path, path.name, request, progress=_watching("检查 check"))
        if not as_json:
            show(_mapping_rows(batch), as_json=False)
        if save is not None:
            async with place.database.write(place.tenant_id, place.actor) as session:
                chosen = {title: field for title, field in batch.columns.items() if title not in ADDED}
                await save_mapping(session, target, save, columns=chosen, options=batch.options)
        if not dry_run and (skip_bad or not batch.counts.get("refused")):
            batch = await edge.apply_batch(place, batch.id, skip_bad=skip_bad, progress=_watching("导入 import"))
        return batch, await _keep_errors(place, batch, path)

    batch, errors = _at_work(tenant, login, task)
    row = _row(batch)
    if errors is not None:
        row["error_workbook"] = str(errors)
    show([row], as_json=as_json)
    _tell_problems(batch)
    _tell_next(batch, tenant, login, errors)
    if batch.counts.get("refused") and not skip_bad:
        raise typer.Exit(FAILED)


def _pairs(words: list[str] | tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for word in words:
        name, equals, value = word.rpartition("=")
        if not equals or not name:
            raise invalid(word[:64] or "column", "form", "请写成 名称=值。", "Write it as name=value.")
        pairs[name.strip()] = value.strip()
    return pairs


def _json_or_text(text: str) -> Any:
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _mapping_rows(batch: ImportBatch) -> list[dict[str, Any]]:
    sure = batch.counts.get("confidence", {})
    return [
        {"column": title, "field": field or "—", "confidence": f"{sure.get(title, 0):.0%}" if field else ""}
        for title, field in batch.columns.items()
    ]


async def _keep_errors(place: edge.Place, batch: ImportBatch, path: Path) -> Path | None:
    """Write the error workbook beside the file."""
    if batch.error_file_id is None:
        return None
    content = [chunk async for chunk in place.tools.files.read(place.tenant_id, batch.error_file_id)]
    return await asyncio.to_thread(_written_anew, path, b"".join(content))


def _written_anew(path: Path, content: bytes) -> Path:
    """Write the workbook beside the file under a name that is free: somebody may be correcting an earlier one."""
    for number in count(1):
        beside = path.with_name(f"{path.stem}-错误{'' if number == 1 else f'-{number}'}.xlsx")
        try:
            beside.touch(0o600, exist_ok=False)
        except FileExistsError:
            continue
        beside.write_bytes(content)
        return beside
    raise AssertionError


@app.command("list")
def list_imports(
    tenant: TenantKey,
    login: Login,
    target: Annotated[str | None, typer.Option(help="导入对象。Of this target only.")] = None,
    status: Annotated[ImportStatus | None, typer.Option(help="状态。Of this status only.")] = None,
    after: Annotated[UUID | None, typer.Option(help="从该批次之后（更早的）列起。Those before this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """List imports, newest first. 例 example: steward import list huaxin --login chen.li@huaxin.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return [_row(batch) for batch in await imports(session, target=target, status=status, after=after)]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("show")
def show_import(
    tenant: TenantKey,
    batch_id: Batch,
    login: Login,
    rows: Annotated[bool, typer.Option("--rows", help="列出各行结果。List what became of rows.")] = False,
    outcome: Annotated[
        list[Outcome] | None,
        typer.Option("--outcome", help="只列这些结果，可多次。Rows of these outcomes; may be repeated."),
    ] = None,
    after: Annotated[int, typer.Option("--after", help="从该行号之后列起。Rows after this number.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show an import.

    例 example: steward import show huaxin 019a0000-0000-7000-8000-000000000000 --login chen.li@huaxin.example
    """

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        if rows:
            return [
                {"row": one.row_number, "outcome": one.outcome, "id": plain(one.row_id), "problems": one.problems}
                for one in await effects(
                    session, batch_id, outcomes=[one.value for one in outcome or Outcome], after=after, limit=200
                )
            ]
        return [_row(await import_of(session, batch_id))]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("undo")
def undo(tenant: TenantKey, batch_id: Batch, login: Login, as_json: AsJson = False) -> None:
    """Undo a whole import; rows changed since stay and are counted as kept.

    例 example: steward import undo huaxin 019a0000-0000-7000-8000-000000000000 --login chen.li@huaxin.example
    """

    async def task(place: edge.Place) -> ImportBatch:
        return await edge.undo_batch(place, batch_id, progress=_watching("撤销 undo"))

    batch = _at_work(tenant, login, task)
    show([_row(batch)], as_json=as_json)
    _tell_next(batch, tenant, login)


@app.command("resume")
def resume(
    tenant: TenantKey, batch_id: Batch, login: Login, skip_bad: SkipBad = False, as_json: AsJson = False
) -> None:
    """Go on with an import that stopped, or apply one that was only checked.

    例 example: steward import resume huaxin 019a0000-0000-7000-8000-000000000000 --login chen.li@huaxin.example
    """

    async def task(place: edge.Place) -> ImportBatch:
        return await edge.apply_batch(place, batch_id, skip_bad=skip_bad, progress=_watching("导入 import"))

    batch = _at_work(tenant, login, task)
    show([_row(batch)], as_json=as_json)
    _tell_problems(batch)
    _tell_next(batch, tenant, login)


@app.command("template")
def template(
    tenant: TenantKey,
    to: Annotated[Path, typer.Argument(metavar="FILE", help="写入的 .xlsx 文件。The .xlsx to write.")],
    login: Login,
    target: Target = "client",
) -> None:
    """Write an empty workbook with a target's columns.

    例 example: steward import template huaxin 客户模板.xlsx --login chen.li@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> bytes:
        return await template_of(session, target, locale=who.tenant.locale)

    content = reading(tenant, login, task)
    to.write_bytes(content)
    say(f"{to}: {len(content)} bytes")


@app.command("mappings")
def list_mappings(tenant: TenantKey, login: Login, target: Target = "client", as_json: AsJson = False) -> None:
    """List the saved mappings of a target, and those that plugins bring.

    例 example: steward import mappings huaxin --login chen.li@huaxin.example
    """

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        saved = [
            {"name": one.name, "target": one.target, "from": "saved", "columns": len(one.columns)}
            for one in await mappings(session, target)
        ]
        brought = [
            {"name": key, "target": target, "from": "plugin", "columns": len(one.columns)}
            for key, one in (await importers_for(session, target)).items()
        ]
        return saved + brought

    show(reading(tenant, login, task), as_json=as_json)


def export(
    tenant: TenantKey,
    what: Annotated[str, typer.Argument(metavar="WHAT", help="导出对象，如 client。What, such as client.")],
    to: Annotated[Path, typer.Argument(metavar="FILE", help="写入的 .csv 或 .xlsx。The .csv or .xlsx to write.")],
    login: Login,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            help="条件 名称=值：text, kind, tier, status, owner, unit, region, pool。Conditions; may be repeated.",
        ),
    ] = None,
    field: Annotated[list[str] | None, typer.Option("--field", help="字段，可多次。Fields; may be repeated.")] = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """Export rows within one's scope into a file, masked as on the screen; on record.

    例 example: steward export huaxin client 客户.xlsx --filter tier=A --login chen.li@huaxin.example
    """
    if to.suffix.lower() not in (".csv", ".xlsx"):
        raise invalid("file", "ending", "文件名应以 .csv 或 .xlsx 结尾。", "The file's name ends in .csv or .xlsx.")
    words = _pairs(condition or ())

    async def task(database: Database, settings: Settings) -> int:
        who = await acting(database, settings, tenant, login)
        async with database.read(who.tenant.id, who.actor) as session:
            filters = await _filters(session, words)
        request = ExportRequest(
            what,
            filters,
            tuple(field or ()),
            "csv" if to.suffix.lower() == ".csv" else "xlsx",
            who.tenant.locale,
            reveal,
        )
        shown = Progress("导出 export")
        part = to.with_name(to.name + ".part")
        try:
            await asyncio.to_thread(part.touch, 0o600)
            with await asyncio.to_thread(part.open, "wb") as file:
                report = await export_file(
                    database,
                    who.tenant.id,
                    who.actor,
                    request,
                    file,
                    today=who.today,
                    progress=lambda done, total: shown(what, done, total),
                )
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)
        return report.rows

    show([{"file": str(to), "rows": work(task)}], as_json=as_json)


async def _filters(session: TenantSession, words: dict[str, str]) -> ClientFilter:
    values: dict[str, Any] = {}
    for name, value in words.items():
        parts = frozenset(part.strip() for part in value.split(",") if part.strip())
        match name:
            case "text" | "region":
                values[name] = value
            case "kind" | "tier":
                values[f"{name}s"] = parts
            case "status" if parts <= set(ClientStatus):
                values["statuses"] = frozenset(ClientStatus(part) for part in parts)
            case "owner":
                values["owner_id"] = await named(session, PERSON, value)
            case "unit":
                values["unit_id"] = await named(session, UNIT, value)
            case "pool" if value in ("yes", "no"):
                values["in_pool"] = value == "yes"
            case _:
                zh, en = "没有此条件，或其值不可用。", "There is no such condition, or its value cannot be used."
                raise invalid(f"filter.{name[:64]}", "unknown", zh, en)
    return ClientFilter(**values)
