"""Exports into the file store: a file that only its owner and those whose scope allows it open, for a few days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from steward_core.clients.queries import ClientFilter
from steward_core.imports.export import ExportRequest, export_file
from steward_core.imports.purposes import CSV_TYPE, EXPORT, XLSX_TYPE
from steward_core.opportunities.export import OpportunityExport, export_opportunities
from steward_core.opportunities.queries import PipelineFilter
from steward_core.permissions import CLIENTS_EXPORT
from steward_graphql.catalogue.opportunities import OUTCOME
from steward_graphql.declared.scalars import BOOLEAN, DATE, DATETIME, FEN, ID, STRING
from steward_graphql.declared.shapes import Argument, Asked, Mutation
from steward_graphql.mutations.arguments import given
from steward_graphql.mutations.derive import dataclass_of
from steward_graphql.mutations.edge import edge
from steward_graphql.mutations.edges import stored_file
from steward_graphql.mutations.inputs import client_selection
from steward_graphql.mutations.kinds import enum_kind, file_format
from steward_graphql.mutations.payloads import number
from steward_tenants.access.fields import IDENTITY
from steward_tenants.access.permissions import AUDIT_EXPORT, PEOPLE_VIEW
from steward_tenants.audit.export import ExportForm, export_events
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import invalid
from steward_tenants.files.models import StoredFile
from steward_tenants.files.service import MEGABYTE, Purpose, add_file, declare_purpose
from steward_tenants.people.disclosure import export_people
from steward_tenants.people.queries import PeopleQuery
from steward_tenants.texts import Bilingual

CHUNK = 256 * 1024
KEPT = timedelta(days=7)
"""How long the file of an export stays."""
LARGEST = 300 * MEGABYTE
LONGEST_AUDIT = timedelta(days=366)
AUDIT_FILE = declare_purpose("audit_export", AUDIT_EXPORT, owner_may=True)
PEOPLE_FILE = declare_purpose("people_export", IDENTITY.reveal, owner_may=True, scoped=True)


class Kept:
    """A file that was exported, and how many rows it holds (None: not counted)."""

    def __init__(self, file: StoredFile, rows: int | None) -> None:
        self.id = file.id
        self.rows = rows


def exports() -> tuple[Mutation, ...]:
    """All of them."""
    return (_clients(), _rows(), _opportunities(), _people(), _audit())


async def keep(
    database: Database,
    asked: Asked,
    write: Callable[[BinaryIO], Awaitable[int | None]],
    *,
    purpose: Purpose,
    name: str,
    media_type: str,
) -> Kept:
    """Write a file beside, put it into the store and make it known. Raises what `write` raises, FileTooLarge."""
    store, file_id = asked.tools.files, new_id()
    with TemporaryFile(dir=asked.tools.spool) as target:
        rows = await write(target)
        target.seek(0)
        written = await store.write(asked.tenant_id, file_id, _chunks(target), LARGEST)
    try:
        async with database.write(asked.tenant_id, asked.caller.actor, request_id=asked.request_id) as session:
            file = await add_file(
                session,
                file_id,
                written,
                purpose,
                name=name,
                media_type=media_type,
                owner_id=asked.caller.actor.id,
                expires_at=datetime.now(UTC) + KEPT,
            )
    except BaseException:
        await store.delete(asked.tenant_id, file_id)
        raise
    return Kept(file, rows)


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK):
        yield chunk


async def _export(database: Database, asked: Asked, **values: Any) -> Kept:
    ending = values.get("format", "xlsx")
    request = ExportRequest(
        values["what"],
        dataclass_of(ClientFilter, values.get("clients") or {}),
        tuple(values.get("fields") or ()),
        ending,
        asked.locale,
        values.get("reveal") or False,
    )

    async def write(target: BinaryIO) -> int:
        report = await export_file(
            database,
            asked.tenant_id,
            asked.caller.actor,
            request,
            target,
            today=asked.today,
            request_id=asked.request_id,
        )
        return report.rows

    name = f"{request.what.replace(':', '-')}-{asked.today:%Y%m%d}.{ending}"
    media_type = CSV_TYPE if ending == "csv" else XLSX_TYPE
    return await keep(database, asked, write, purpose=EXPORT, name=name, media_type=media_type)


def _shape_of_file() -> tuple[Argument, ...]:
    return (
        given("clients", client_selection(), "哪些客户，默认全部可见的", "Which clients; all within reach by default"),
        given("fields", STRING, "字段标识，默认全部", "Keys of fields; all when left out", listed=True),
        given("format", file_format(), "格式，默认 Excel", "Format; Excel when left out"),
        given(
            "reveal",
            BOOLEAN,
            "敏感字段显示全部内容（须有权限，留痕）",
            "Sensitive fields in full, where scope allows; on record",
        ),
    )


def _clients() -> Mutation:
    async def work(database: Database, asked: Asked, **values: Any) -> Kept:
        return await _export(database, asked, what="client", **values)

    return edge(
        "exportClients",
        Bilingual(
            "导出客户到文件（留痕），文件保留 7 天", "Export clients into a file, on record; the file stays for 7 days"
        ),
        work,
        results=(*stored_file(), number("rows", "行数", "How many rows", lambda answer, _: answer.rows)),
        arguments=_shape_of_file(),
        permission=CLIENTS_EXPORT,
        cost=500,
    )


def _rows() -> Mutation:
    return edge(
        "exportRows",
        Bilingual(
            "导出联系人、合同、表单等到文件（留痕），文件保留 7 天",
            "Export contacts, contracts, forms and others into a file, on record; the file stays for 7 days",
        ),
        _export,
        results=(*stored_file(), number("rows", "行数", "How many rows", lambda answer, _: answer.rows)),
        arguments=(
            given(
                "what",
                STRING,
                "导出对象：contact、contract、form:<插件>.<表单> 等",
                "What: contact, contract, form:<plugin>.<form>, …",
                required=True,
            ),
            *_shape_of_file(),
        ),
        permission=CLIENTS_EXPORT,
        cost=500,
    )


async def _export_opportunities(database: Database, asked: Asked, **values: Any) -> Kept:
    ending: Any = values.pop("format", None) or "xlsx"
    wanted = {name: value for name, value in values.items() if value is not None}
    for name in {"stages", "outcomes"} & set(wanted):
        wanted[name] = frozenset(map(str, wanted[name]))
    request = OpportunityExport(PipelineFilter(**wanted), ending, asked.locale)

    async def write(target: BinaryIO) -> int:
        report = await export_opportunities(
            database,
            asked.tenant_id,
            asked.caller.actor,
            request,
            target,
            today=asked.today,
            request_id=asked.request_id,
        )
        return report.rows

    name = f"opportunity-{asked.today:%Y%m%d}.{ending}"
    media_type = CSV_TYPE if ending == "csv" else XLSX_TYPE
    return await keep(database, asked, write, purpose=EXPORT, name=name, media_type=media_type)


def _opportunities() -> Mutation:
    return edge(
        "exportOpportunities",
        Bilingual(
            "导出商机到文件（留痕），文件保留 7 天", "Export opportunities into a file, on record; it stays for 7 days"
        ),
        _export_opportunities,
        results=(*stored_file(), number("rows", "行数", "How many rows", lambda answer, _: answer.rows)),
        arguments=(
            given("unit_id", ID, "只要该机构及其下级", "Of this unit and those below it"),
            given("owner_id", ID, "只要该负责人", "Of this owner"),
            given("client_id", ID, "只要该客户", "Of this client"),
            given("stages", STRING, "只要这些阶段", "At these stages", listed=True),
            given("outcomes", OUTCOME, "只要这些结果", "With these outcomes", listed=True),
            given("expected_from", DATE, "预计日期起（含）", "Expected from this day"),
            given("expected_until", DATE, "预计日期止（含）", "Expected until this day"),
            given("amount_from", FEN, "金额不低于（分）", "Of at least this amount, in fen"),
            given("amount_until", FEN, "金额不高于（分）", "Of at most this amount, in fen"),
            given("format", file_format(), "格式，默认 Excel", "Format; Excel when left out"),
        ),
        permission=CLIENTS_EXPORT,
        cost=500,
    )


async def _export_people(database: Database, asked: Asked, **values: Any) -> Kept:
    async def write(target: BinaryIO) -> None:
        async with database.write(asked.tenant_id, asked.caller.actor, request_id=asked.request_id) as session:
            target.write(
                await export_people(session, dataclass_of(PeopleQuery, values), asked.today, locale=asked.locale)
            )

    name = f"people-{asked.today:%Y%m%d}.csv"
    return await keep(database, asked, write, purpose=PEOPLE_FILE, name=name, media_type=CSV_TYPE)


def _people() -> Mutation:
    return edge(
        "exportPeople",
        Bilingual(
            "导出人员到 CSV 文件（权限内显示全部，留痕），文件保留 7 天",
            "Export people into a CSV file, unmasked where scope allows, on record; the file stays for 7 days",
        ),
        _export_people,
        results=stored_file(),
        arguments=(
            given("unit_id", ID, "所属机构", "Of this unit"),
            given("with_units_below", BOOLEAN, "是否含下级机构，默认是", "Units below too; true when left out"),
            given(
                "text", STRING, "姓名、登录名、工号或电话后四位", "Name, login, number or the phone's last four digits"
            ),
        ),
        permission=PEOPLE_VIEW,
        cost=500,
    )


async def _export_audit(database: Database, asked: Asked, **values: Any) -> Kept:
    form = ExportForm(values.get("form", ExportForm.JSONL))
    since, until = values["since"], values["until"]
    if until - since > LONGEST_AUDIT:
        raise invalid("until", "range", "一次最多导出 366 天。", "Export at most 366 days at once.")

    async def write(target: BinaryIO) -> None:
        async for chunk in export_events(
            database,
            asked.tenant_id,
            asked.caller.actor,
            since=since,
            until=until,
            form=form,
            locale="en" if asked.locale.startswith("en") else "zh-CN",
            request_id=asked.request_id,
        ):
            await asyncio.to_thread(target.write, chunk)

    name = f"audit-{since:%Y%m%d}-{until:%Y%m%d}.{form.value}"
    media_type = CSV_TYPE if form is ExportForm.CSV else "text/plain"
    return await keep(database, asked, write, purpose=AUDIT_FILE, name=name, media_type=media_type)


def _audit() -> Mutation:
    return edge(
        "exportAuditLog",
        Bilingual(
            "导出一段时间的审计日志到文件（留痕），文件保留 7 天",
            "Export the audit log of a period into a file, on record; the file stays for 7 days",
        ),
        _export_audit,
        results=stored_file(),
        arguments=(
            given("since", DATETIME, "起（含）", "From", required=True),
            given("until", DATETIME, "止（不含）", "Until, exclusive", required=True),
            given("form", enum_kind(ExportForm), "格式，默认逐行 JSON", "Form; JSON lines when left out"),
        ),
        permission=AUDIT_EXPORT,
        cost=500,
    )
