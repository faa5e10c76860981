"""Questions about approvals that are no table: what one may do, who would be asked, whether a trail holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from steward_core.approvals.definitions import StepKind
from steward_core.approvals.queries import (
    MyActs,
    Preview,
    Replayed,
    SubjectLine,
    declared_subjects,
    my_acts,
    preview,
    replayed,
)
from steward_core.permissions import APPROVALS_VIEW
from steward_graphql.catalogue.approvals import APPROVAL_ACT, APPROVAL_STATUS
from steward_graphql.declared.scalars import ID, INT, JSON, STRING, EnumKind
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf
from steward_graphql.functions.parts import argument, part, several, shape, texts
from steward_tenants.access.rules import require
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual

STEP_KIND = EnumKind(
    "ApprovalStepKind",
    Bilingual("步骤内的审批方式", "How the people of a step decide"),
    tuple((one.value, one.title) for one in StepKind),
)
ACTS = shape(
    "ApprovalActs",
    "本人当前可对某审批执行的操作",
    "What the caller may do with an approval at present",
    part("approvalId", ID, "审批编号", "Id of the approval"),
    part("turn", INT, "当前轮次，审批时须给出", "The turn, which a decision names"),
    several("acts", APPROVAL_ACT, "可执行的操作", "What may be done", read=lambda one: [act.value for act in one.acts]),
    several(
        "backTo",
        shape(
            "ApprovalStepName",
            "一个步骤",
            "A step",
            part("key", STRING, "标识", "Its key"),
            texts("title", "名称", "Its title"),
        ),
        "可退回到的步骤",
        "The steps that it may be sent back to",
        read=lambda one: list(one.back_to),
    ),
)
PREVIEW = shape(
    "ApprovalPreview",
    "某事项现在提交时由谁审批",
    "Who would be asked if a subject were submitted now",
    part("definitionKey", STRING, "流程标识", "Key of the definition"),
    part("definitionVersion", INT, "流程版本", "Version of the definition"),
    texts("title", "流程名称", "Title of the definition"),
    several(
        "steps",
        shape(
            "ApprovalAskedStep",
            "将经过的一个步骤",
            "A step as it would take place",
            part("key", STRING, "标识", "Its key"),
            texts("title", "名称", "Its title"),
            part("kind", STEP_KIND, "审批方式", "How its people decide", read=lambda one: one.kind.value),
            part("need", INT, "需要几人同意；0 为跳过", "How many must agree; 0: it is left out"),
            several(
                "people",
                EntityRef("Person"),
                "审批人（人员数据范围内）",
                "Who would be asked, as far as the caller sees people",
                read=lambda one: list(one.people),
            ),
            several("personIds", ID, "审批人编号", "Ids of who would be asked", read=lambda one: list(one.people)),
            texts("problem", "无法安排审批人的原因", "Why nobody could be found", nullable=True),
        ),
        "步骤",
        "The steps",
        read=lambda one: list(one.steps),
    ),
)
REPLAY = shape(
    "ApprovalReplay",
    "按审批记录重算的状态",
    "What an approval's trail leads to, gone through from its beginning",
    part("approvalId", ID, "审批编号", "Id of the approval"),
    part("status", APPROVAL_STATUS, "状态", "Its state", read=lambda one: one.status.value),
    part("step", STRING, "步骤标识", "Key of the step"),
    part("turn", INT, "轮次", "The turn"),
    part("entries", INT, "记录条数", "How many entries there are"),
    several("waitingIds", ID, "等待的审批人编号", "Ids of who is asked", read=lambda one: list(one.waiting)),
    several(
        "differences",
        STRING,
        "与存储不一致的项；空为一致",
        "What is stored otherwise; none: all is as the trail says",
        read=lambda one: list(one.differences),
    ),
)
SUBJECT = shape(
    "ApprovalSubject",
    "一类可审批的事项",
    "A kind of subject that can be approved",
    part("key", STRING, "标识", "Its key"),
    texts("title", "名称", "Its title"),
    part("fields", JSON, "条件可用的字段及类型", "Fields that conditions may ask for, and their kinds"),
    part(
        "builtIn",
        JSON,
        "未设定流程时采用的流程",
        "The definition that holds until there is one",
        read=lambda one: one.document,
    ),
)
_ID = argument("id", ID, "审批编号", "Identifier of the approval", required=True)


async def _acts(session: ReadSession, asked: Asked, *, id: UUID) -> MyActs:  # noqa: A002 - the argument's name
    """Raises ApprovalNotFound."""
    return await my_acts(session, id, today=asked.today)


async def _preview(
    session: ReadSession,
    asked: Asked,
    *,
    subject: str,
    subject_id: UUID,
    document: Mapping[str, Any] | None = None,
) -> Preview:
    """Raises what `queries.preview` raises."""
    return await preview(session, subject, subject_id, today=asked.today, document=document)


async def _replay(session: ReadSession, asked: Asked, *, id: UUID) -> Replayed:  # noqa: A002 - the argument's name
    """Raises ApprovalNotFound, TrailBroken."""
    return await replayed(session, id, today=asked.today)


async def _subjects(session: ReadSession, _asked: Asked) -> Sequence[SubjectLine]:
    """Raises Forbidden."""
    require(session.actor, APPROVALS_VIEW)
    return declared_subjects()


FUNCTIONS: tuple[Function, ...] = (
    Function(
        "approvalActs",
        Bilingual("本人当前可对某审批执行的操作", "What the caller may do with an approval"),
        ACTS,
        _acts,
        (_ID,),
    ),
    Function(
        "approvalPreview",
        Bilingual("某事项现在提交时由谁审批", "Who would be asked if a subject were submitted now"),
        PREVIEW,
        _preview,
        (
            argument("subject", STRING, "事项的标识", "Key of the kind of subject", required=True),
            argument("subjectId", ID, "事项编号", "Id of the subject", required=True),
            argument("document", JSON, "试用的流程；空为现行流程", "A definition to try; none: the one in force"),
        ),
        cost=50,
    ),
    Function(
        "approvalReplay",
        Bilingual(
            "按审批记录重算状态并与存储比对", "An approval's trail gone through again, compared with what is stored"
        ),
        REPLAY,
        _replay,
        (_ID,),
        cost=50,
    ),
    Function(
        "approvalSubjects",
        Bilingual("可审批的事项类型", "The kinds of subjects that can be approved"),
        ListOf(SUBJECT),
        _subjects,
        (),
    ),
)
