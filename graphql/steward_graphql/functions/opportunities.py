"""Questions about opportunities that are no table: stages, sums of the pipeline, the week, papers, replays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from steward_core.opportunities.advice import ReplayedAdvice, replay_advice
from steward_core.opportunities.contracts import paper_lists
from steward_core.opportunities.models import Outcome
from steward_core.opportunities.queries import PipelineFilter, PipelineLine, WeekReview, pipeline, week_review
from steward_core.opportunities.rules import CERTAIN, IMPOSSIBLE
from steward_core.opportunities.settings import STAGES, PaperList
from steward_core.permissions import OPPORTUNITIES_VIEW
from steward_graphql.declared.scalars import BOOLEAN, DATE, DATETIME, FEN, ID, INT, STRING
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf
from steward_graphql.functions.parts import FIRST, argument, few, page_size, part, several, shape, texts
from steward_graphql.mutations.derive import zone_key
from steward_tenants.access.rules import require
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class ShownStage:
    """A stage of the tenant's pipeline, or one of its endings."""

    key: str
    title: Bilingual
    probability: int
    outcome: Outcome


async def _stages(session: ReadSession, asked: Asked) -> list[ShownStage]:  # noqa: ARG001 - how functions are called
    """Raises Forbidden."""
    require(session.actor, OPPORTUNITIES_VIEW)
    own = await get_setting(session, STAGES)
    return [
        *(ShownStage(one.key, one.title.text, one.probability, Outcome.OPEN) for one in own),
        *(
            ShownStage(one.value, one.title, IMPOSSIBLE if one is Outcome.LOST else CERTAIN, one)
            for one in Outcome
            if one is not Outcome.OPEN
        ),
    ]


STAGE = shape(
    "OpportunityStage",
    "商机阶段",
    "A stage of the pipeline",
    part("key", STRING, "标识", "Its key"),
    texts("title", "名称", "Its title"),
    part("probability", INT, "成功概率（%）", "How probable a signature is in it, in percent"),
    part("ending", BOOLEAN, "是否为结束阶段", "Whether it is an ending", read=lambda one: one.outcome != Outcome.OPEN),
)


async def _paper_lists(session: ReadSession, asked: Asked) -> list[PaperList]:  # noqa: ARG001 - how functions are called
    """Raises Forbidden."""
    require(session.actor, OPPORTUNITIES_VIEW)
    lists = await paper_lists(session)
    return [lists[key] for key in sorted(lists)]


PAPER_LIST = shape(
    "ContractPaperList",
    "合同资料清单",
    "A list of papers that contracts need",
    part("key", STRING, "标识", "Its key"),
    texts("title", "名称", "Its title"),
    several(
        "papers",
        shape(
            "ListedPaper",
            "清单中的一项资料",
            "A paper of the list",
            part("key", STRING, "标识", "Its key"),
            texts("title", "名称", "Its title"),
            part("copies", INT, "份数", "In how many copies"),
            part("seamSeal", BOOLEAN, "是否须盖骑缝章", "Whether with seals on the seam"),
        ),
        "资料",
        "Its papers",
        read=lambda one: list(one.papers),
    ),
)


async def _pipeline(session: ReadSession, asked: Asked, **given: Any) -> list[PipelineLine]:
    """Raises Forbidden, InvalidInput."""
    stages = frozenset(few("stages", given.pop("stages", None)))
    wanted = {name: value for name, value in given.items() if value is not None}
    return await pipeline(session, PipelineFilter(stages=stages, **wanted), today=asked.today)


LINE = shape(
    "PipelineLine",
    "某机构某阶段进行中的商机",
    "The open opportunities of a stage in a unit",
    part("unitId", ID, "机构编号", "Id of the unit", nullable=True),
    part("unitName", STRING, "机构名称", "Its name", nullable=True),
    part("stage", STRING, "阶段标识", "Key of the stage"),
    part("count", INT, "个数", "How many"),
    part("amount", FEN, "金额合计（分）", "Their amounts in fen"),
    part("weighted", FEN, "加权金额合计（分）", "Their weighted amounts in fen"),
)


async def _week(
    session: ReadSession, asked: Asked, *, unit_id: UUID, week: date | None = None, first: int | None = None
) -> WeekReview:
    """Raises Forbidden, InvalidInput."""
    size = page_size(first)
    return await week_review(session, unit_id, week or asked.today, today=asked.today, zone=zone_key(asked), limit=size)


def _about() -> tuple[Any, ...]:
    return (
        part("opportunityId", ID, "商机编号", "Id of the opportunity"),
        part(
            "opportunity",
            EntityRef("Opportunity"),
            "商机",
            "The opportunity",
            nullable=True,
            read=lambda one: one.opportunity_id,
        ),
        part("title", STRING, "名称", "Its title"),
        part("clientId", ID, "客户编号", "Id of its client"),
        part("clientName", STRING, "客户名称", "Name of its client"),
        part("ownerId", ID, "负责人编号", "Id of its owner", nullable=True),
    )


WEEK = shape(
    "PipelineWeek",
    "某机构一周的商机：变化、逾期与合计",
    "A unit's week: what changed, what is overdue, the sums",
    part("unitId", ID, "机构编号", "Id of the unit"),
    part("week", DATE, "周一的日期", "Its Monday"),
    several(
        "changed",
        shape(
            "PipelineMove",
            "本周的一次阶段变化",
            "A step of the week",
            *_about(),
            part("before", STRING, "之前的阶段；空为新建", "The stage before; none: it was new", nullable=True),
            part("after", STRING, "之后的阶段", "The stage after"),
            part("amount", FEN, "当时的金额（分）", "Its amount then", nullable=True),
            part("byId", ID, "操作人编号", "Id of who took it", nullable=True, read=lambda one: one.by),
            part("at", DATETIME, "时间", "When"),
            part("reason", STRING, "原因", "Why", nullable=True),
        ),
        "本周的变化，最近的在前",
        "What changed, the latest first",
        read=lambda one: list(one.changed),
    ),
    part("changedCount", INT, "变化总数", "How many steps there were"),
    several(
        "overdue",
        shape(
            "OverdueOpportunity",
            "已过预计日期而未结束的商机",
            "An open opportunity whose day has passed",
            *_about(),
            part("stage", STRING, "阶段标识", "Key of its stage"),
            part("amount", FEN, "金额（分）", "Its amount", nullable=True),
            part("weighted", FEN, "加权金额（分）", "Its weighted amount"),
            part("expectedOn", DATE, "预计日期", "The day"),
            part("days", INT, "逾期天数", "Days since"),
        ),
        "逾期的商机，最早的在前",
        "What is overdue, the oldest first",
        read=lambda one: list(one.overdue),
    ),
    part("overdueCount", INT, "逾期总数", "How many are overdue"),
    several("sums", LINE, "按机构和阶段的合计", "Sums by unit and stage", read=lambda one: list(one.sums)),
)


async def _replay(session: ReadSession, asked: Asked, *, advice_id: UUID) -> ReplayedAdvice:
    """Raises Forbidden, AdviceNotFound, AdvisorNotFound, RuleVersionGone."""
    return await replay_advice(session, advice_id, today=asked.today)


REPLAYED = shape(
    "ReplayedAdvice",
    "按当时的规则、设置和问题复算的结果",
    "What the rule of then makes of the question and settings of then",
    part("adviceId", ID, "咨询记录编号", "Id of the answer that was kept"),
    part("ruleVersion", INT, "规则版本", "Version of the rule"),
    part("same", BOOLEAN, "是否与留存的答复一致", "Whether it is as kept"),
    several("differs", STRING, "不一致的部分", "What differs", read=lambda one: list(one.differs)),
)

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "opportunityStages",
        Bilingual("商机阶段及成功概率", "The stages of the pipeline with their probabilities"),
        ListOf(STAGE),
        _stages,
        cost=5,
    ),
    Function(
        "contractPaperLists",
        Bilingual("合同资料清单", "Lists of papers that contracts need"),
        ListOf(PAPER_LIST),
        _paper_lists,
        cost=5,
    ),
    Function(
        "pipeline",
        Bilingual("可见的进行中商机，按机构和阶段合计", "The open opportunities in reach, summed by unit and stage"),
        ListOf(LINE),
        _pipeline,
        (
            argument("unitId", ID, "只要该机构及其下级", "Of this unit and those below it"),
            argument("ownerId", ID, "只要该负责人", "Of this owner"),
            argument("clientId", ID, "只要该客户", "Of this client"),
            argument("stages", STRING, "只要这些阶段", "At these stages", listed=True),
            argument("expectedFrom", DATE, "预计日期起（含）", "Expected from this day"),
            argument("expectedUntil", DATE, "预计日期止（含）", "Expected until this day"),
            argument("amountFrom", FEN, "金额不低于（分）", "Of at least this amount, in fen"),
            argument("amountUntil", FEN, "金额不高于（分）", "Of at most this amount, in fen"),
        ),
        cost=50,
    ),
    Function(
        "pipelineWeek",
        Bilingual("某机构一周的商机评审材料", "What a unit lead reviews of a week"),
        WEEK,
        _week,
        (
            argument("unitId", ID, "机构及其下级", "The unit, with those below it", required=True),
            argument("week", DATE, "该周的任意一天，默认本周", "Any day of the week; this one when left out"),
            FIRST,
        ),
        cost=100,
    ),
    Function(
        "replayOpportunityAdvice",
        Bilingual("复算一次咨询的答复", "Replay an answer that was kept"),
        REPLAYED,
        _replay,
        (argument("adviceId", ID, "咨询记录编号", "Id of the answer", required=True),),
        cost=20,
    ),
)
