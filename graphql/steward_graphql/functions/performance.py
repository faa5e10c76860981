"""What lies behind a score, and scores reckoned again from what is stored with them."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from steward_core.clients.pages import Paging
from steward_core.performance.queries import Evidence, ReplayReport, replay_scores, score_evidence
from steward_core.visits.actions import month_of
from steward_graphql.declared.scalars import BOOLEAN, DATE, ID, INT, JSON, STRING
from steward_graphql.declared.shapes import Asked, EntityRef, Function
from steward_graphql.functions.parts import (
    AFTER,
    FIRST,
    MOST,
    NEXT_CURSOR,
    argument,
    page_size,
    part,
    several,
    shape,
    texts,
)
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual


async def _evidence(
    session: ReadSession,
    asked: Asked,
    *,
    owner_id: UUID,
    month: date,
    indicator: str,
    first: int | None = None,
    after: str | None = None,
) -> Evidence:
    """Raises Forbidden, ScoreNotFound, IndicatorNotFound, InvalidInput."""
    return await score_evidence(
        session,
        owner_id,
        month_of(month),
        indicator,
        today=asked.today,
        paging=Paging(page_size(first), after),
    )


EVIDENCE = shape(
    "ScoreEvidence",
    "某项指标背后的走访、计划任务、承诺或客户",
    "The visits, actions, promises or clients behind an indicator",
    part("indicator", STRING, "指标的完整标识", "Full key of the indicator", read=lambda one: one.indicator.key),
    texts("title", "指标名称", "What it is called", read=lambda one: one.indicator.what.title),
    part("total", INT, "全部条数", "How many rows there are"),
    part("counted", INT, "计入分子的条数", "How many of them are in the numerator"),
    part("hidden", INT, "客户不在可见范围内、未列出的条数", "How many are about clients out of reach and not listed"),
    part(
        "exact",
        BOOLEAN,
        "是否为指标的逐条依据；否则为当月所辖客户",
        "Whether these are the indicator's rows; if not, they are the clients owned in the month",
    ),
    several(
        "rows",
        shape(
            "ScoreEvidenceRow",
            "一条依据",
            "One of them",
            part(
                "kind",
                STRING,
                "类别：visit 走访、action 计划任务、clock 承诺、client 客户；行业指标另有 contract 合同、product 产品、"
                "arrears 欠费、record 表单、request 服务请求、report 工作总结",
                "Its sort: visit, action, clock (of a promise) or client; of an industry's indicators also contract,"
                " product, arrears, record (of a form), request (for service) or report",
            ),
            part("id", ID, "编号", "Its id"),
            part("clientId", ID, "客户编号", "Id of the client", nullable=True),
            part("client", EntityRef("Client"), "客户", "The client", nullable=True, read=lambda row: row.client_id),
            part("day", DATE, "日期", "The day"),
            part("counted", BOOLEAN, "是否计入分子", "Whether it is in the numerator"),
            part("figures", JSON, "数据", "What it adds", read=lambda row: dict(row.figures)),
        ),
        "一页依据，按日期",
        "One page of them, by day",
        read=lambda one: list(one.page.rows),
    ),
    part(
        NEXT_CURSOR.name,
        STRING,
        NEXT_CURSOR.text.zh,
        NEXT_CURSOR.text.en,
        nullable=True,
        read=lambda one: one.page.next_cursor,
    ),
)


async def _replay(session: ReadSession, asked: Asked, *, month: date, unit_id: UUID | None = None) -> ReplayReport:
    """Raises Forbidden, ScoreRuleMissing."""
    return await replay_scores(session, month, unit_id=unit_id, today=asked.today)


def _difference(one: Any) -> dict[str, Any]:
    return {
        "score_id": one.score_id,
        "owner_id": one.owner_id,
        "name": one.name,
        "stored": to_jsonable_python(one.stored),
        "replayed": to_jsonable_python(one.replayed),
    }


REPLAY = shape(
    "ScoreReplay",
    "得分复算的结果",
    "What a replay of a month's scores gave",
    part("month", STRING, "月份", "The month", read=lambda one: one.month.name),
    part("checked", INT, "复算的得分数（含各次计算）", "How many scores were replayed, all revisions"),
    part("same", BOOLEAN, "是否全部一致", "Whether every score came out as stored"),
    several(
        "differences",
        shape(
            "ScoreDifference",
            "一处不一致",
            "A score that came out otherwise",
            part("scoreId", ID, "得分编号", "Id of the score"),
            part("ownerId", ID, "客户经理编号", "Id of the manager"),
            part("name", STRING, "项目", "What differs"),
            part("stored", JSON, "存储的值", "What is stored", nullable=True),
            part("replayed", JSON, "复算的值", "What the replay gave", nullable=True),
        ),
        "不一致之处（最多 100 处）",
        "The differences, at most 100",
        read=lambda one: [_difference(each) for each in one.differences[:MOST]],
    ),
)

_MONTH = argument("month", DATE, "月份（其中任意一天）", "The month: any day of it", required=True)
FUNCTIONS: tuple[Function, ...] = (
    Function(
        "scoreEvidence",
        Bilingual("某客户经理某月某项指标的逐条依据", "What lies behind an indicator of a manager's month"),
        EVIDENCE,
        _evidence,
        (
            argument("ownerId", ID, "客户经理编号", "Id of the manager", required=True),
            _MONTH,
            argument("indicator", STRING, "指标的完整标识", "Full key of the indicator", required=True),
            FIRST,
            AFTER,
        ),
        cost=50,
    ),
    Function(
        "replayScores",
        Bilingual("按存储的指标、办法与规则复算某月得分", "A month's scores reckoned again from what is stored"),
        REPLAY,
        _replay,
        (_MONTH, argument("unitId", ID, "只要该机构及其下级", "Of this unit and those below it")),
        cost=500,
    ),
)
