"""Questions about reports that are no table: a report to print, the quarter's results of visits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from steward_core.reports.printing import printed
from steward_core.reports.queries import UnitResults, quarter_results, report_detail
from steward_graphql.declared.scalars import DATE, FEN, ID, INT, STRING
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf
from steward_graphql.functions.parts import argument, part, shape
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual


async def _printed(session: ReadSession, asked: Asked, *, id: UUID) -> str:  # noqa: A002 - the argument's name
    """Raises Forbidden, ReportNotFound."""
    return printed(await report_detail(session, id, today=asked.today), asked.locale)


async def _quarter(session: ReadSession, asked: Asked, *, day: date | None = None) -> Sequence[UnitResults]:
    """Raises Forbidden."""
    return await quarter_results(session, day or asked.today, today=asked.today)


PAGE = shape(
    "WorkReportPage",
    "可打印的工作报告",
    "A work report to print",
    part("html", STRING, "完整的 HTML 页面，调用者的语言", "A whole HTML page, in the caller's language", read=str),
)
RESULTS = shape(
    "QuarterVisitResults",
    "某机构一个季度的走访结果",
    "What a unit's visits of a quarter came to",
    part("unitId", ID, "机构编号", "Identifier of the unit", nullable=True),
    part("unit", EntityRef("OrgUnit"), "机构", "The unit", nullable=True, read=lambda one: one.unit_id),
    part("unitName", STRING, "机构名称", "Name of the unit", nullable=True),
    part("managers", INT, "走访人数", "Managers who made visits"),
    part("visits", INT, "走访次数", "Visits"),
    part("onSite", INT, "上门走访次数", "Visits on site"),
    part("clients", INT, "走访客户数", "Distinct clients visited"),
    part("intentions", INT, "记录了意向的走访", "Visits with a grade of intention"),
    part("competitorSigns", INT, "发现竞争信息的走访", "Visits that told of competitors"),
    part("requests", INT, "走访带回的诉求", "Requests that visits brought"),
    part("answered", INT, "其中已答复", "Of them answered"),
    part("satisfied", INT, "其中客户已确认", "Of them confirmed by the client"),
    part("opportunities", INT, "走访带来的商机", "Opportunities that visits brought"),
    part("signed", INT, "其中已签约", "Of them signed"),
    part("signedAmount", FEN, "签约金额", "Amount signed", read=lambda one: one.signed_fen),
)

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "workReportPage",
        Bilingual("可打印的工作报告", "A work report to print"),
        PAGE,
        _printed,
        (argument("id", ID, "报告编号", "Identifier of the report", required=True),),
    ),
    Function(
        "quarterVisitResults",
        Bilingual("一个季度的走访结果，按机构", "The results of a quarter's visits, by unit"),
        ListOf(RESULTS),
        _quarter,
        (argument("day", DATE, "季度内任意一天，默认今天", "A day of the quarter; today when left out"),),
        cost=100,
    ),
)
