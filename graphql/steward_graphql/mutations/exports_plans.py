"""Plans into a file."""

from __future__ import annotations

from typing import Any, BinaryIO

from steward_core.imports.purposes import CSV_TYPE, EXPORT, XLSX_TYPE
from steward_core.permissions import CLIENTS_EXPORT
from steward_core.plans.export import PlanExport, export_plans
from steward_graphql.catalogue.plans import STATE
from steward_graphql.declared.scalars import DATE, ID
from steward_graphql.declared.shapes import Asked, Mutation
from steward_graphql.mutations.arguments import given
from steward_graphql.mutations.edge import edge
from steward_graphql.mutations.edges import stored_file
from steward_graphql.mutations.exports import Kept, keep
from steward_graphql.mutations.kinds import file_format
from steward_graphql.mutations.payloads import number
from steward_tenants.database.database import Database
from steward_tenants.texts import Bilingual


def plan_exports() -> tuple[Mutation, ...]:
    """The export of plans."""
    return (
        edge(
            "exportPlans",
            Bilingual(
                "导出某月的服务计划到文件（留痕），文件保留 7 天",
                "Export a month's service plans into a file, on record; the file stays for 7 days",
            ),
            _export,
            results=(*stored_file(), number("rows", "行数", "How many rows", lambda answer, _: answer.rows)),
            arguments=(
                given("month", DATE, "月份（当月任一天）", "The month, by any day of it", required=True),
                given("unit_id", ID, "只要该机构及其下级", "Of this unit and those below it"),
                given("owner_ids", ID, "只要这些客户经理", "Of these managers", listed=True),
                given("states", STATE, "只要这些状态", "In these states", listed=True),
                given("format", file_format(), "格式，默认 Excel", "Format; Excel when left out"),
            ),
            permission=CLIENTS_EXPORT,
            cost=500,
        ),
    )


async def _export(database: Database, asked: Asked, **values: Any) -> Kept:
    ending: Any = values.get("format") or "xlsx"
    request = PlanExport(
        values["month"],
        values.get("unit_id"),
        tuple(values.get("owner_ids") or ()),
        tuple(values.get("states") or ()),
        ending,
        asked.locale,
    )

    async def write(target: BinaryIO) -> int:
        report = await export_plans(
            database,
            asked.tenant_id,
            asked.caller.actor,
            request,
            target,
            today=asked.today,
            request_id=asked.request_id,
        )
        return report.rows

    name = f"plans-{request.month:%Y%m}.{ending}"
    media_type = CSV_TYPE if ending == "csv" else XLSX_TYPE
    return await keep(database, asked, write, purpose=EXPORT, name=name, media_type=media_type)
