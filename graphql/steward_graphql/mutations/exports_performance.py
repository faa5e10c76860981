"""The export of a month's scores into the file store."""

from __future__ import annotations

from datetime import date
from typing import Any, BinaryIO
from uuid import UUID

from steward_core.imports.purposes import CSV_TYPE
from steward_core.performance.export import export_scores
from steward_core.permissions import SCORES_VIEW
from steward_graphql.declared.scalars import DATE, ID
from steward_graphql.declared.shapes import Asked, Mutation
from steward_graphql.mutations.arguments import given
from steward_graphql.mutations.edge import edge
from steward_graphql.mutations.edges import stored_file
from steward_graphql.mutations.exports import Kept, keep
from steward_graphql.mutations.payloads import number
from steward_tenants.database.database import Database
from steward_tenants.files.service import declare_purpose
from steward_tenants.texts import Bilingual

SCORES_FILE = declare_purpose("scores_export", SCORES_VIEW, owner_may=True, scoped=True)


async def _export(database: Database, asked: Asked, *, month: date, unit_id: UUID | None = None, **_: Any) -> Kept:
    async def write(target: BinaryIO) -> int:
        async with database.write(asked.tenant_id, asked.caller.actor, request_id=asked.request_id) as session:
            content, rows = await export_scores(session, month, unit_id=unit_id, today=asked.today, locale=asked.locale)
        target.write(content)
        return rows

    name = f"scores-{month:%Y%m}.csv"
    return await keep(database, asked, write, purpose=SCORES_FILE, name=name, media_type=CSV_TYPE)


def scores_export() -> Mutation:
    """The mutation."""
    return edge(
        "exportScores",
        Bilingual(
            "导出某月得分到 CSV 文件（留痕），文件保留 7 天",
            "Export a month's scores into a CSV file, on record; the file stays for 7 days",
        ),
        _export,
        results=(*stored_file(), number("rows", "人数", "How many people", lambda answer, _: answer.rows)),
        arguments=(
            given("month", DATE, "月份（其中任意一天）", "The month: any day of it", required=True),
            given("unit_id", ID, "机构（含下级），默认全部可见的", "The unit, with those below it; all when left out"),
        ),
        permission=SCORES_VIEW,
        cost=500,
    )
