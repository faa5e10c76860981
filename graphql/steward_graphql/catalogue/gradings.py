"""Gradings of clients, each client's result with its reasons, and objections.

Everybody sees the results of the clients in their own scope; `counts` of a grading tell of all and are shown to who
reaches its whole unit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client
from steward_core.clients.row_kinds import CLIENT as CLIENT_ROWS
from steward_core.forms.models import FormRecord
from steward_core.gradings.models import Grading, GradingObjection, GradingStatus, ObjectionStatus
from steward_core.gradings.queries import Change
from steward_core.permissions import GRADINGS_VIEW
from steward_graphql.catalogue.client_names import client_name, unit_name
from steward_graphql.catalogue.people import name_of
from steward_graphql.catalogue.records import document_of, own_form
from steward_graphql.declared.entities import (
    Catalogue,
    Entity,
    Expression,
    ListRoot,
    OneRoot,
    Row,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import DATE, INT, JSON, LONG, STRING, enum_of
from steward_tenants.access.queries import in_scope
from steward_tenants.access.row_kinds import RowKind
from steward_tenants.access.symbolic import TODAY
from steward_tenants.texts import Bilingual

GRADING_STATUS = enum_of(
    GradingStatus,
    "GradingStatus",
    "评级的状态",
    "State of a grading",
    {
        "computing": ("计算中", "Being computed"),
        "preview": ("预览，尚未生效", "Preview, binding nobody"),
        "bound": ("已生效", "Bound: it has set the tiers"),
        "superseded": ("已被后续版本替代", "Replaced by a later revision"),
        "discarded": ("已作废", "Discarded"),
    },
)
OBJECTION_STATUS = enum_of(
    ObjectionStatus,
    "ObjectionStatus",
    "评级异议的状态",
    "State of an objection to a grading",
    {
        "open": ("待裁定", "Open"),
        "upheld": ("支持，数据将更正", "Upheld: inputs are corrected"),
        "rejected": ("驳回", "Rejected"),
        "withdrawn": ("已撤回", "Withdrawn"),
    },
)
STAR_CHANGE = enum_of(
    Change,
    "GradingChange",
    "星级与上期相比",
    "How stars compare with the period before",
    {
        "risen": ("上升", "Risen"),
        "fallen": ("下降", "Fallen"),
        "same": ("不变", "The same"),
        "new": ("上期无评级", "Not graded before"),
    },
)


def _of_client(key: str, zh: str, en: str, table: Any, client_id: Any) -> RowKind:
    return RowKind(key, Bilingual(zh, en), table, GRADINGS_VIEW, parent=CLIENT_ROWS, parent_id=client_id)


RESULT_ROWS = _of_client("grading_result", "评级结果", "result of a grading", FormRecord, FormRecord.client_id)
OBJECTION_ROWS = _of_client(
    "grading_objection", "评级异议", "objection to a grading", GradingObjection, GradingObjection.client_id
)


def _of_own_units(row: Row) -> ColumnElement[bool]:
    """That the grading's unit is in scope: then all its results are."""
    return in_scope(row.planning.session, GRADINGS_VIEW, unit=row.table.unit_id, on=TODAY)


def _grading_seen(row: Row) -> ColumnElement[bool]:
    """That the grading's unit is in scope, or at least one client among its results."""
    result: Any = aliased(FormRecord)
    client: Any = aliased(Client)
    own = exists(
        select(result.id)
        .join(client, and_(row.within(client), client.id == result.client_id))
        .where(
            row.within(result),
            result.batch_id == row.table.id,
            CLIENT_ROWS.reached(row.planning.session, GRADINGS_VIEW, TODAY, client),
        )
        .correlate(row.table)
    )
    return or_(_of_own_units(row), own)


def _counts(row: Row) -> ColumnElement[Any]:
    return case((_of_own_units(row), row.table.counts))


GRADING = Entity(
    "Grading",
    Grading,
    Bilingual("一个机构某一期间对某类客户的评级", "A grading of every client of some kinds in a unit, for a period"),
    view=GRADINGS_VIEW,
    reach=_grading_seen,
    order=(("periodStart", True), ("requestedAt", True)),
    fields=(
        column(Grading.id, "编号", "Identifier", filter=True),
        column(Grading.scheme, "评级方案的标识", "Key of its scheme: plugin.scheme", filter=True, group=True),
        column(Grading.unit_id, "机构编号", "Id of the unit", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "机构名称", "Name of the unit"),
        column(Grading.period, "期间，如 2026Q4", "Its period, such as 2026Q4", filter=True, group=True),
        column(Grading.period_start, "期间开始日期（含）", "First day of its period", filter=True, order=True),
        column(Grading.period_end, "期间结束日期（不含）", "The day after its period", filter=True, order=True),
        column(Grading.revision, "第几次评级，从 1 开始", "Which revision it is, from 1", filter=True, order=True),
        column(Grading.status, "状态", "Its state", kind=GRADING_STATUS, filter=True, group=True),
        column(Grading.rule_version, "评分规则的版本", "Version of the scoring rules", filter=True),
        column(Grading.policy, "采用的参数", "The figures in force"),
        column(Grading.input_names, "输入数据项的标识", "Keys of its inputs"),
        computed(
            "counts",
            JSON,
            _counts,
            "各星级、档位的客户数；仅对可见整个机构者显示",
            "Clients by star and grade; for who reaches the whole unit",
        ),
        column(Grading.reason, "重新评级的原因", "Why it was graded again"),
        column(Grading.requested_at, "发起时间", "When it was asked for", filter=True, order=True),
        column(Grading.requested_by, "发起人编号", "Id of who asked for it", name="requestedById", filter=True),
        computed("requestedByName", STRING, name_of("requested_by"), "发起人姓名", "Name of who asked for it"),
        column(Grading.bound_at, "生效时间", "When it was bound", filter=True, order=True),
        column(Grading.bound_by, "确认生效人编号", "Id of who bound it", name="boundById", filter=True),
        column(Grading.previous_id, "上一次评级的编号", "Id of the revision before", filter=True),
        column(Grading.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("unit", "OrgUnit", Grading.unit_id, "机构", "The unit"),
        one("previous", "Grading", Grading.previous_id, "上一次评级", "The revision before"),
        one("requestedBy", "Person", Grading.requested_by, "发起人", "Who asked for it"),
        one("boundBy", "Person", Grading.bound_by, "确认生效人", "Who bound it"),
        many("results", "GradingResult", "batch_id", "各客户的结果", "Its results, one for each client", filter=True),
        many("objections", "GradingObjection", "grading_id", "异议", "Objections to it", filter=True),
    ),
)


def _number(name: str) -> Expression:
    """A number of the result. Records of other forms may be looked at first, with anything under that name."""

    def expression(row: Row) -> ColumnElement[Any]:
        text = row.table.document[name].astext
        return case((func.pg_input_is_valid(text, literal("bigint", Text)), cast(text, BigInteger)))

    return expression


def _text(name: str) -> Expression:
    def expression(row: Row) -> ColumnElement[Any]:
        found: ColumnElement[Any] = row.table.document[name].astext
        return found

    return expression


def _change(row: Row) -> ColumnElement[Any]:
    star, before = _number("star")(row), _number("previous_star")(row)
    return case(
        (before.is_(None), literal(Change.NEW.value, Text)),
        (star > before, literal(Change.RISEN.value, Text)),
        (star < before, literal(Change.FALLEN.value, Text)),
        else_=literal(Change.SAME.value, Text),
    )


def _of_grading(shown: str) -> Callable[[Row], ColumnElement[Any]]:
    def expression(row: Row) -> ColumnElement[Any]:
        grading: Any = aliased(Grading)
        return (
            select(getattr(grading, shown))
            .where(row.within(grading), grading.id == row.table.batch_id)
            .correlate(row.table)
            .scalar_subquery()
        )

    return expression


def _is_result(row: Row) -> ColumnElement[bool]:
    grading: Any = aliased(Grading)
    return exists(select(grading.id).where(row.within(grading), grading.id == row.table.batch_id).correlate(row.table))


GRADING_RESULT = Entity(
    "GradingResult",
    FormRecord,
    Bilingual("一个客户在一次评级中的结果", "One client's result in a grading"),
    kind=RESULT_ROWS,
    belongs=_is_result,
    order=(("id", False),),
    node=False,
    fields=(
        column(FormRecord.id, "编号，与表单记录相同", "Identifier, that of its form record", filter=True, order=True),
        column(FormRecord.batch_id, "评级编号", "Id of the grading", name="gradingId", filter=True),
        computed(
            "gradingStatus",
            GRADING_STATUS,
            _of_grading("status"),
            "评级的状态",
            "State of the grading",
            nullable=False,
            filter=True,
        ),
        computed(
            "periodStart",
            DATE,
            _of_grading("period_start"),
            "评级期间开始日期",
            "First day of the grading's period",
            filter=True,
            order=True,
        ),
        column(FormRecord.client_id, "客户编号", "Id of the client", filter=True),
        computed("clientName", STRING, client_name(), "客户名称", "Name of the client"),
        computed("clientCode", STRING, client_name(shown="code"), "客户编码", "Code of the client"),
        column(FormRecord.state, "结果的状态", "State of the result", filter=True),
        computed(
            "score",
            LONG,
            _number("score"),
            "总分（百分之一分）",
            "Total, in hundredths of a point",
            nullable=False,
            filter=True,
            order=True,
            aggregate=True,
        ),
        computed(
            "star",
            INT,
            _number("star"),
            "星级",
            "Stars",
            nullable=False,
            filter=True,
            order=True,
            group=True,
            aggregate=True,
        ),
        computed("grade", INT, _number("grade"), "档位", "Grade", nullable=False, filter=True, order=True, group=True),
        computed(
            "rank", INT, _number("rank"), "名次，1 为最好", "Rank, 1 the best", nullable=False, filter=True, order=True
        ),
        computed(
            "tier",
            STRING,
            _text("tier"),
            "对应的客户等级标识",
            "Key of the client tier that it sets",
            filter=True,
            group=True,
        ),
        computed(
            "previousScore",
            LONG,
            _number("previous_score"),
            "上期总分（百分之一分）",
            "Total last time, in hundredths of a point",
        ),
        computed("previousStar", INT, _number("previous_star"), "上期星级", "Stars last time", filter=True, group=True),
        computed("previousGrade", INT, _number("previous_grade"), "上期档位", "Grade last time"),
        computed("previousRank", INT, _number("previous_rank"), "上期名次", "Rank last time"),
        computed(
            "change",
            STAR_CHANGE,
            _change,
            "星级与上期相比",
            "How stars compare with last time",
            nullable=False,
            filter=True,
            group=True,
        ),
        computed(
            "document",
            JSON,
            document_of(own_form),
            "全部数据项与得分，敏感字段已脱敏",
            "All inputs and points, sensitive fields masked",
            nullable=False,
        ),
        computed(
            "reasonsZh", STRING, _text("reasons_zh"), "评级说明（中文），每步一行", "Reasons in Chinese, a line each"
        ),
        computed(
            "reasonsEn", STRING, _text("reasons_en"), "评级说明（英文），每步一行", "Reasons in English, a line each"
        ),
        one("grading", "Grading", FormRecord.batch_id, "评级", "The grading", granted=True),
        one("client", "Client", FormRecord.client_id, "客户", "The client"),
        one("record", "FormRecord", FormRecord.id, "表单记录（含全部数据项）", "Its form record, with all inputs"),
        many("objections", "GradingObjection", "record_id", "对该结果的异议", "Objections to it", filter=True),
    ),
)


def _objection_seen(row: Row) -> ColumnElement[bool]:
    """That the client is in scope, and the grading is seen."""
    grading: Any = aliased(Grading)
    seen = exists(
        select(grading.id)
        .where(
            row.within(grading),
            grading.id == row.table.grading_id,
            _grading_seen(Row(grading, row.planning)),
        )
        .correlate(row.table)
    )
    return and_(OBJECTION_ROWS.reached(row.planning.session, GRADINGS_VIEW, TODAY, row.table), seen)


OBJECTION = Entity(
    "GradingObjection",
    GradingObjection,
    Bilingual("对一个客户评级结果的异议", "An objection to one client's result"),
    view=GRADINGS_VIEW,
    reach=_objection_seen,
    order=(("id", False),),
    fields=(
        column(GradingObjection.id, "编号", "Identifier", filter=True, order=True),
        column(GradingObjection.grading_id, "评级编号", "Id of the grading", filter=True, group=True),
        column(GradingObjection.client_id, "客户编号", "Id of the client", filter=True),
        computed("clientName", STRING, client_name(), "客户名称", "Name of the client"),
        column(GradingObjection.record_id, "结果的编号", "Id of the result", filter=True),
        column(GradingObjection.status, "状态", "Its state", kind=OBJECTION_STATUS, filter=True, group=True),
        column(GradingObjection.reason, "异议理由", "Why it was raised"),
        column(GradingObjection.claimed, "主张的数据", "The inputs that are claimed"),
        column(GradingObjection.corrections, "更正的数据", "The inputs as corrected"),
        column(GradingObjection.raised_at, "提出时间", "When it was raised", filter=True, order=True),
        column(GradingObjection.raised_by, "提出人编号", "Id of who raised it", name="raisedById", filter=True),
        computed("raisedByName", STRING, name_of("raised_by"), "提出人姓名", "Name of who raised it"),
        column(GradingObjection.decided_at, "裁定时间", "When it was decided", filter=True, order=True),
        column(GradingObjection.decided_by, "裁定人编号", "Id of who decided", name="decidedById", filter=True),
        computed("decidedByName", STRING, name_of("decided_by"), "裁定人姓名", "Name of who decided"),
        column(GradingObjection.decision_reason, "裁定理由", "Why it was decided so"),
        column(
            GradingObjection.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"
        ),
        one("grading", "Grading", GradingObjection.grading_id, "评级", "The grading", granted=True),
        one("client", "Client", GradingObjection.client_id, "客户", "The client"),
        one("result", "GradingResult", GradingObjection.record_id, "结果", "The result"),
        one("raisedBy", "Person", GradingObjection.raised_by, "提出人", "Who raised it"),
        one("decidedBy", "Person", GradingObjection.decided_by, "裁定人", "Who decided"),
    ),
)

CATALOGUE = Catalogue(
    entities=(GRADING, GRADING_RESULT, OBJECTION),
    roots=(
        ListRoot("gradings", "Grading", Bilingual("数据范围内的评级", "The gradings within reach")),
        OneRoot("grading", "Grading", Bilingual("一次评级", "One grading")),
        ListRoot(
            "gradingResults", "GradingResult", Bilingual("数据范围内客户的评级结果", "Results of clients within reach")
        ),
        OneRoot("gradingResult", "GradingResult", Bilingual("一个评级结果", "One result")),
        ListRoot("gradingObjections", "GradingObjection", Bilingual("数据范围内的评级异议", "Objections within reach")),
        OneRoot("gradingObjection", "GradingObjection", Bilingual("一条评级异议", "One objection")),
    ),
)
