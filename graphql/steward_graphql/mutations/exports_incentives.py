"""The export of an approved pay run into the file store."""

from __future__ import annotations

from typing import Any, BinaryIO
from uuid import UUID

from steward_core.imports.purposes import CSV_TYPE, XLSX_TYPE
from steward_core.incentives.export import Format, export_pay_run
from steward_core.incentives.purposes import PAY_EXPORT
from steward_core.permissions import STATEMENTS_APPROVE
from steward_graphql.declared.scalars import ID
from steward_graphql.declared.shapes import Asked, Mutation
from steward_graphql.mutations.arguments import given
from steward_graphql.mutations.edge import edge
from steward_graphql.mutations.edges import stored_file
from steward_graphql.mutations.exports import Kept, keep
from steward_graphql.mutations.kinds import file_format
from steward_graphql.mutations.payloads import number
from steward_tenants.database.database import Database
from steward_tenants.texts import Bilingual


async def _export(database: Database, asked: Asked, *, run_id: UUID, **values: Any) -> Kept:
    form: Format = values.get("format", "xlsx")

    async def write(target: BinaryIO) -> int:
        async with database.write(asked.tenant_id, asked.caller.actor, request_id=asked.request_id) as session:
            return await export_pay_run(session, run_id, target, form=form, today=asked.today, locale=asked.locale)

    name = f"pay-{asked.today:%Y%m%d}.{form}"
    media_type = CSV_TYPE if form == "csv" else XLSX_TYPE
    return await keep(database, asked, write, purpose=PAY_EXPORT, name=name, media_type=media_type)


def pay_export() -> Mutation:
    """The mutation."""
    return edge(
        "exportPayRun",
        Bilingual(
            "导出已审批的薪酬核算到文件（留痕），文件保留 7 天",
            "Export an approved pay run into a file, on record; the file stays for 7 days",
        ),
        _export,
        results=(*stored_file(), number("rows", "人数", "How many people", lambda answer, _: answer.rows)),
        arguments=(
            given("run_id", ID, "薪酬核算", "The pay run", required=True),
            given("format", file_format(), "格式，默认 Excel", "Format; Excel when left out"),
        ),
        permission=STATEMENTS_APPROVE,
        cost=500,
    )
