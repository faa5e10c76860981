"""Visits into a file."""

from __future__ import annotations

from typing import Any, BinaryIO

from steward_core.imports.purposes import CSV_TYPE, EXPORT, XLSX_TYPE
from steward_core.permissions import CLIENTS_EXPORT
from steward_core.visits.export import VisitExport, export_visits
from steward_graphql.catalogue.visits import STATUS
from steward_graphql.declared.scalars import BOOLEAN, DATE, ID
from steward_graphql.declared.shapes import Asked, Mutation
from steward_graphql.mutations.arguments import given
from steward_graphql.mutations.edge import edge
from steward_graphql.mutations.edges import stored_file
from steward_graphql.mutations.exports import Kept, keep
from steward_graphql.mutations.kinds import file_format
from steward_graphql.mutations.payloads import number
from steward_tenants.database.database import Database
from steward_tenants.texts import Bilingual


def visit_exports() -> tuple[Mutation, ...]:
    """The export of visits."""
    return (
        edge(
            "exportVisits",
            Bilingual(
                "导出走访到文件（留痕），文件保留 7 天",
                "Export visits into a file, on record; the file stays for 7 days",
            ),
            _export,
            results=(*stored_file(), number("rows", "行数", "How many rows", lambda answer, _: answer.rows)),
            arguments=(
                given("first", DATE, "第一天", "The first day", required=True),
                given("last", DATE, "最后一天，最多 366 天", "The last day, at most 366 days", required=True),
                given(
                    "owner_ids",
                    ID,
                    "走访人，默认全部可见的",
                    "Of these visitors; all within reach by default",
                    listed=True,
                ),
                given("unit_ids", ID, "走访时的机构", "Of these units", listed=True),
                given("statuses", STATUS, "状态", "In these states", listed=True),
                given("flagged", BOOLEAN, "仅签到存疑的", "Only those whose check-in is flagged"),
                given("format", file_format(), "格式，默认 Excel", "Format; Excel when left out"),
            ),
            permission=CLIENTS_EXPORT,
            cost=500,
        ),
    )


async def _export(database: Database, asked: Asked, **values: Any) -> Kept:
    ending: Any = values.get("format") or "xlsx"
    request = VisitExport(
        values["first"],
        values["last"],
        tuple(values.get("owner_ids") or ()),
        tuple(values.get("unit_ids") or ()),
        tuple(values.get("statuses") or ()),
        bool(values.get("flagged")),
        ending,
        asked.locale,
    )

    async def write(target: BinaryIO) -> int:
        report = await export_visits(
            database,
            asked.tenant_id,
            asked.caller.actor,
            request,
            target,
            today=asked.today,
            request_id=asked.request_id,
        )
        return report.rows

    name = f"visits-{request.first:%Y%m%d}-{request.last:%Y%m%d}.{ending}"
    media_type = CSV_TYPE if ending == "csv" else XLSX_TYPE
    return await keep(database, asked, write, purpose=EXPORT, name=name, media_type=media_type)
