"""The export of work reports into the file store."""

from __future__ import annotations

from datetime import date
from typing import Any, BinaryIO

from steward_core.imports.purposes import CSV_TYPE
from steward_core.permissions import REPORTS_VIEW
from steward_core.reports.export import export_reports
from steward_core.reports.models import REPORT_KINDS
from steward_graphql.catalogue.reports import REPORT_KIND
from steward_graphql.declared.scalars import DATE
from steward_graphql.declared.shapes import Asked, Mutation
from steward_graphql.mutations.arguments import given
from steward_graphql.mutations.edge import edge
from steward_graphql.mutations.edges import stored_file
from steward_graphql.mutations.exports import Kept, keep
from steward_graphql.mutations.payloads import number
from steward_tenants.database.database import Database
from steward_tenants.files.service import declare_purpose
from steward_tenants.texts import Bilingual

REPORTS_FILE = declare_purpose("work_reports_export", REPORTS_VIEW, owner_may=True, scoped=True)


async def _export(database: Database, asked: Asked, *, since: date, until: date, **values: Any) -> Kept:
    async def write(target: BinaryIO) -> int:
        async with database.write(asked.tenant_id, asked.caller.actor, request_id=asked.request_id) as session:
            content, rows = await export_reports(
                session,
                since=since,
                until=until,
                today=asked.today,
                locale=asked.locale,
                kinds=[REPORT_KINDS[one] for one in values.get("kinds") or ()],
            )
        target.write(content)
        return rows

    name = f"work-reports-{since:%Y%m%d}-{until:%Y%m%d}.csv"
    return await keep(database, asked, write, purpose=REPORTS_FILE, name=name, media_type=CSV_TYPE)


def reports_export() -> Mutation:
    """The mutation."""
    return edge(
        "exportWorkReports",
        Bilingual(
            "导出工作报告到 CSV 文件（留痕），文件保留 7 天",
            "Export work reports into a CSV file, on record; the file stays for 7 days",
        ),
        _export,
        results=(*stored_file(), number("rows", "份数", "How many reports", lambda answer, _: answer.rows)),
        arguments=(
            given("since", DATE, "期间首日起（含）", "Periods that begin from this day", required=True),
            given("until", DATE, "期间首日止（不含）", "Until before this day", required=True),
            given("kinds", REPORT_KIND, "种类，默认全部", "Kinds; all when left out", listed=True),
        ),
        permission=REPORTS_VIEW,
        cost=500,
    )
