"""What a month would come to, and pay runs worked out again from what is stored with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from steward_core.incentives.queries import WhatIf, pay_what_if
from steward_core.incentives.replay import PayReplay, replay_pay_run
from steward_graphql.declared.scalars import BOOLEAN, DATE, FEN, ID, INT, JSON, STRING
from steward_graphql.declared.shapes import Asked, EntityRef, Function
from steward_graphql.functions.parts import MOST, argument, part, several, shape, texts
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual


async def _what_if(
    session: ReadSession,
    asked: Asked,  # noqa: ARG001 - a function's signature
    *,
    month: date,
    scheme_id: UUID | None = None,
    revenue: int | None = None,
    team_revenue: int | None = None,
    department_revenue: int | None = None,
) -> WhatIf:
    """Raises Forbidden, InvalidInput, NotPaidByScheme, NoSchemeInForce, SchemeIncomplete."""
    return await pay_what_if(
        session,
        month,
        scheme_id=scheme_id,
        revenue=revenue,
        team_revenue=team_revenue,
        department_revenue=department_revenue,
    )


LINE = shape(
    "PayWhatIfLine",
    "试算的一行",
    "A line of what a month would come to",
    part("rule", STRING, "规则的标识", "Key of the rule"),
    texts("title", "名称", "What it is called"),
    texts("formula", "算式", "The formula with its figures"),
    part("inputs", JSON, "依据的数据", "What went in", read=lambda line: to_jsonable_python(dict(line.inputs))),
    part("fen", FEN, "金额", "What comes out"),
)
WHAT_IF = shape(
    "PayWhatIf",
    "本人某月薪酬的试算",
    "What the caller's own month would come to",
    part("schemeId", ID, "方案编号", "Identifier of the scheme"),
    part("scheme", EntityRef("PayScheme"), "方案", "The scheme", nullable=True, read=lambda one: one.scheme_id),
    part("schemeVersion", INT, "方案第几版", "Number of the scheme's version"),
    part("ruleVersion", INT, "核算规则的版本", "Version of the rules"),
    part("given", JSON, "试算所依据的数据", "All that it rests on", read=lambda one: one.given.as_document()),
    several("lines", LINE, "明细", "Its lines", read=lambda one: list(one.lines)),
    part("total", FEN, "合计", "What would be paid"),
)


async def _replay(session: ReadSession, asked: Asked, *, id: UUID) -> PayReplay:  # noqa: A002 - the argument's name
    """Raises Forbidden, PayRunNotFound, SchemeRuleMissing."""
    return await replay_pay_run(session, id, today=asked.today)


def _difference(one: Any) -> Mapping[str, Any]:
    return {
        "statementId": one.statement_id,
        "stored": to_jsonable_python(one.stored),
        "replayed": to_jsonable_python(one.replayed),
    }


REPLAY = shape(
    "PayReplay",
    "薪酬核算复算的结果",
    "What a replay of a pay run gave",
    part("runId", ID, "核算编号", "Identifier of the run"),
    part("schemeVersion", INT, "方案第几版", "Number of the scheme's version"),
    part("ruleVersion", INT, "核算规则的版本", "Version of the rules"),
    part("checked", INT, "复算的薪酬单数", "How many statements were replayed"),
    part("total", FEN, "存储的合计", "Their sum as stored"),
    part("same", BOOLEAN, "是否全部一致", "Whether every statement came out as stored"),
    part(
        "differencesTotal",
        INT,
        "不一致的薪酬单数",
        "How many came out otherwise",
        read=lambda one: len(one.differences),
    ),
    several(
        "differences",
        shape(
            "PayReplayDifference",
            "一份不一致的薪酬单",
            "A statement that came out otherwise",
            part("statementId", ID, "薪酬单编号", "Identifier of the statement", read=lambda one: one["statementId"]),
            part("stored", JSON, "存储的各行", "Its lines as stored", read=lambda one: one["stored"]),
            part("replayed", JSON, "复算的各行", "Its lines as replayed", read=lambda one: one["replayed"]),
        ),
        "不一致之处（最多 100 份）",
        "The differences, at most 100",
        read=lambda one: [_difference(each) for each in one.differences[:MOST]],
    ),
)

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "payWhatIf",
        Bilingual(
            "试算本人某月薪酬：未给的数据按目前实际",
            "What the caller's own month would come to; figures left out are as they are now",
        ),
        WHAT_IF,
        _what_if,
        (
            argument("month", DATE, "月份（首日）", "The month's first day", required=True),
            argument("schemeId", ID, "薪酬方案，默认本人当月所在的方案", "The scheme; the caller's own when left out"),
            argument("revenue", FEN, "本人业绩", "Own revenue"),
            argument("teamRevenue", FEN, "团队业绩（含本人），主管用", "The team's revenue, own included; of leads"),
            argument("departmentRevenue", FEN, "部门业绩，技术人员用", "The department's revenue; of technicians"),
        ),
        cost=50,
    ),
    Function(
        "payRunReplay",
        Bilingual("按存储的数据与规则复算一次薪酬核算", "A pay run worked out again from what is stored with it"),
        REPLAY,
        _replay,
        (argument("id", ID, "核算编号", "Identifier of the pay run", required=True),),
        cost=500,
    ),
)
