"""Pay schemes, who is paid by them, runs, statements with explained lines, disputes and corrections.

Everybody sees the schemes, and the own statements once they are published; other people's pay only who sees statements
and pay both (`incentives.reach`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, exists, literal, or_, select
from sqlalchemy.orm import aliased

from steward_core.incentives.models import (
    DisputeStatus,
    PayCorrection,
    PayDispute,
    PayLine,
    PayMember,
    PayRun,
    PayRunStatus,
    PayScheme,
    PaySchemeVersion,
    PayStatement,
    SchemeStatus,
)
from steward_core.incentives.reach import of_payroll, statement_seen
from steward_core.incentives.statements import Role
from steward_core.permissions import STATEMENTS_VIEW
from steward_graphql.catalogue.client_names import unit_name
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Condition,
    Entity,
    ListRoot,
    OneRoot,
    Row,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import DATE, DATETIME, FEN, STRING, enum_of
from steward_tenants.access.symbolic import TODAY
from steward_tenants.texts import Bilingual

SCHEME_STATUS = enum_of(
    SchemeStatus,
    "PaySchemeStatus",
    "薪酬方案的状态",
    "State of a pay scheme",
    {"active": ("使用中", "In use"), "closed": ("已停用", "Closed")},
)
PAY_ROLE = enum_of(Role, "PayRole", "按什么身份计薪", "What a person is paid as")
RUN_STATUS = enum_of(
    PayRunStatus,
    "PayRunStatus",
    "薪酬核算的状态",
    "State of a pay run",
    {
        "computing": ("核算中", "Being worked out"),
        "draft": ("草稿，仅薪酬管理员可见", "Draft, which only payroll sees"),
        "approving": ("审批中", "Waiting for approval"),
        "approved": ("已审批并公布", "Approved and published"),
        "exported": ("已导出", "Exported"),
        "superseded": ("已被后续版本替代", "Replaced by a later revision"),
        "discarded": ("已作废", "Discarded"),
    },
)
DISPUTE_STATUS = enum_of(
    DisputeStatus,
    "PayDisputeStatus",
    "薪酬异议的状态",
    "State of a dispute about pay",
    {
        "open": ("待答复", "Open"),
        "accepted": ("已采纳", "Accepted"),
        "rejected": ("未采纳", "Rejected"),
        "withdrawn": ("已撤回", "Withdrawn"),
    },
)
_CHANGES = "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"


def _payroll(row: Row) -> ColumnElement[bool]:
    return of_payroll(row.planning.session, STATEMENTS_VIEW, row.table.unit_id, TODAY)


def _own_or_payroll(row: Row) -> ColumnElement[bool]:
    return or_(row.table.person_id == literal(row.planning.session.actor.id), _payroll(row))


def _statement(row: Row) -> ColumnElement[bool]:
    return statement_seen(row.planning.session, row.table, TODAY)


def _of_statement(attribute: str = "statement_id") -> Condition:
    """That the statement named in a column is seen."""

    def condition(row: Row) -> ColumnElement[bool]:
        statement: Any = aliased(PayStatement)
        return exists(
            select(statement.id)
            .where(
                row.within(statement),
                statement.id == getattr(row.table, attribute),
                statement_seen(row.planning.session, statement, TODAY),
            )
            .correlate(row.table)
        )

    return condition


def _shown(table: Any, attribute: str, shown: str) -> Callable[[Row], ColumnElement[Any]]:
    """A column of the row that another column names."""

    def expression(row: Row) -> ColumnElement[Any]:
        other: Any = aliased(table)
        return (
            select(getattr(other, shown))
            .where(row.within(other), other.id == getattr(row.table, attribute))
            .correlate(row.table)
            .scalar_subquery()
        )

    return expression


SCHEME = Entity(
    "PayScheme",
    PayScheme,
    Bilingual("薪酬方案", "A way of being paid by results"),
    view=STATEMENTS_VIEW,
    order=(("key", False),),
    fields=(
        column(PayScheme.id, "编号", "Identifier", filter=True),
        column(PayScheme.key, "标识", "Key", filter=True, order=True),
        column(PayScheme.title_zh, "中文名", "Chinese title", filter=True),
        column(PayScheme.title_en, "英文名", "English title", filter=True),
        column(
            PayScheme.unit_id,
            "适用机构（含下级）编号；空为全公司",
            "Id of the unit that it is for, with those below; none: the whole company",
            filter=True,
            group=True,
        ),
        column(PayScheme.status, "状态", "Its state", kind=SCHEME_STATUS, filter=True, group=True),
        column(PayScheme.created_at, "创建时间", "When it was made", filter=True, order=True),
        column(PayScheme.version, *_CHANGES),
        one("unit", "OrgUnit", PayScheme.unit_id, "适用机构", "The unit that it is for"),
        many("versions", "PaySchemeVersion", "scheme_id", "各版本", "Its versions", filter=True),
        many("members", "PayMember", "scheme_id", "成员", "Who is paid by it", filter=True),
        many("runs", "PayRun", "scheme_id", "历次核算", "Its runs", filter=True),
    ),
)
VERSION = Entity(
    "PaySchemeVersion",
    PaySchemeVersion,
    Bilingual("薪酬方案自某月起的参数，不再更改", "The figures of a scheme from a month on; never changed"),
    view=STATEMENTS_VIEW,
    order=(("effectiveFrom", True), ("number", True)),
    fields=(
        column(PaySchemeVersion.id, "编号", "Identifier", filter=True),
        column(PaySchemeVersion.scheme_id, "方案编号", "Id of the scheme", filter=True, group=True),
        column(PaySchemeVersion.number, "第几版，从 1 开始", "Which version it is, from 1", filter=True, order=True),
        column(PaySchemeVersion.effective_from, "自该月起生效", "In force from this month on", filter=True, order=True),
        column(
            PaySchemeVersion.document,
            "档位、底薪、目标与比例（金额为分）",
            "Tiers, base pay, targets and rates; money in fen",
        ),
        column(PaySchemeVersion.rule_version, "核算规则的版本", "Version of the rules that work it out", filter=True),
        column(PaySchemeVersion.reason, "变更原因", "Why it was made"),
        column(PaySchemeVersion.made_at, "添加时间", "When it was made", filter=True, order=True),
        column(PaySchemeVersion.made_by, "添加人编号", "Id of who made it", name="madeById", filter=True),
        one("scheme", "PayScheme", PaySchemeVersion.scheme_id, "方案", "The scheme", granted=True),
        one("madeBy", "Person", PaySchemeVersion.made_by, "添加人", "Who made it"),
    ),
)
MEMBER = Entity(
    "PayMember",
    PayMember,
    Bilingual("按方案计薪的人员", "Somebody who is paid by a scheme"),
    view=STATEMENTS_VIEW,
    reach=_own_or_payroll,
    order=(("fromMonth", True),),
    fields=(
        column(PayMember.id, "编号", "Identifier", filter=True),
        column(PayMember.scheme_id, "方案编号", "Id of the scheme", filter=True, group=True),
        column(PayMember.person_id, "人员编号", "Id of the person", filter=True),
        computed("personName", STRING, name_of("person_id"), "姓名", "The person's name"),
        column(PayMember.role, "身份", "What the person is paid as", kind=PAY_ROLE, filter=True, group=True),
        column(
            PayMember.unit_id,
            "所属团队（主管为所带团队，技术人员为部门）编号",
            "Id of the team: of a lead the one led, of a technician the department",
            filter=True,
            group=True,
        ),
        computed("unitName", STRING, unit_name("unit_id"), "团队名称", "Name of the team"),
        column(PayMember.from_month, "起始月份", "First month", filter=True, order=True),
        column(
            PayMember.until_month, "终止月份（不含）", "Month from which it no longer holds", filter=True, order=True
        ),
        column(PayMember.probation_from, "试用期首月", "First month of probation", filter=True),
        column(PayMember.version, *_CHANGES),
        one("scheme", "PayScheme", PayMember.scheme_id, "方案", "The scheme", granted=True),
        one("person", "Person", PayMember.person_id, "人员", "The person"),
        one("unit", "OrgUnit", PayMember.unit_id, "团队", "The team"),
    ),
)
RUN = Entity(
    "PayRun",
    PayRun,
    Bilingual("某方案某月的一次薪酬核算", "The statements of a scheme's people for a month"),
    view=STATEMENTS_VIEW,
    reach=_payroll,
    order=(("month", True), ("revision", True)),
    fields=(
        column(PayRun.id, "编号", "Identifier", filter=True),
        column(PayRun.scheme_id, "方案编号", "Id of the scheme", filter=True, group=True),
        column(PayRun.scheme_version_id, "方案版本编号", "Id of the scheme's version", filter=True),
        column(PayRun.unit_id, "适用机构编号", "Id of the scheme's unit", filter=True, group=True),
        column(PayRun.month, "月份（首日）", "The month's first day", filter=True, order=True, group=True),
        column(PayRun.revision, "第几次核算，从 1 开始", "Which revision it is, from 1", filter=True, order=True),
        column(PayRun.status, "状态", "Its state", kind=RUN_STATUS, filter=True, group=True),
        column(PayRun.people, "人数", "How many people", filter=True, order=True, aggregate=True),
        column(PayRun.total, "合计", "What is paid in all", kind=FEN, filter=True, order=True, aggregate=True),
        column(PayRun.reason, "重新核算的原因", "Why it was revised"),
        column(PayRun.requested_at, "发起时间", "When it was asked for", filter=True, order=True),
        column(PayRun.requested_by, "发起人编号", "Id of who asked for it", name="requestedById", filter=True),
        column(PayRun.approved_at, "审批时间", "When it was approved", filter=True, order=True),
        column(PayRun.approved_by, "审批人编号", "Id of who approved it", name="approvedById", filter=True),
        column(PayRun.exported_at, "最近导出时间", "When it was last exported", filter=True, order=True),
        column(PayRun.previous_id, "上一次核算的编号", "Id of the revision before", filter=True),
        column(PayRun.version, *_CHANGES),
        one("scheme", "PayScheme", PayRun.scheme_id, "方案", "The scheme", granted=True),
        one(
            "schemeVersion",
            "PaySchemeVersion",
            PayRun.scheme_version_id,
            "方案版本",
            "The scheme's version",
            granted=True,
        ),
        one("previous", "PayRun", PayRun.previous_id, "上一次核算", "The revision before"),
        one("requestedBy", "Person", PayRun.requested_by, "发起人", "Who asked for it"),
        one("approvedBy", "Person", PayRun.approved_by, "审批人", "Who approved it"),
        many("statements", "PayStatement", "run_id", "薪酬单", "Its statements", filter=True),
    ),
)
STATEMENT = Entity(
    "PayStatement",
    PayStatement,
    Bilingual("一人一月的薪酬单", "A person's pay of a month"),
    view=STATEMENTS_VIEW,
    reach=_statement,
    order=(("month", True), ("revision", True)),
    fields=(
        column(PayStatement.id, "编号", "Identifier", filter=True),
        column(PayStatement.run_id, "核算编号", "Id of the run", filter=True),
        column(PayStatement.scheme_id, "方案编号", "Id of the scheme", filter=True, group=True),
        column(PayStatement.person_id, "人员编号", "Id of the person", filter=True),
        computed("personName", STRING, name_of("person_id"), "姓名", "The person's name"),
        column(PayStatement.unit_id, "团队编号", "Id of the team", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "团队名称", "Name of the team"),
        column(PayStatement.role, "身份", "What the person was paid as", kind=PAY_ROLE, filter=True, group=True),
        column(PayStatement.month, "月份（首日）", "The month's first day", filter=True, order=True, group=True),
        column(PayStatement.revision, "该人该月的第几份", "Which one of the person's month", filter=True, order=True),
        computed(
            "status",
            RUN_STATUS,
            _shown(PayRun, "run_id", "status"),
            "核算的状态",
            "State of the run",
            nullable=False,
            filter=True,
            group=True,
        ),
        computed("approvedAt", DATETIME, _shown(PayRun, "run_id", "approved_at"), "公布时间", "When it was published"),
        column(
            PayStatement.total,
            "合计；空为尚未核算",
            "What is paid; null while it is not worked out",
            kind=FEN,
            filter=True,
            order=True,
            aggregate=True,
        ),
        column(PayStatement.given, "核算所依据的数据", "All that it was worked out from"),
        column(PayStatement.scheme_version, "方案第几版", "Number of the scheme's version", filter=True),
        column(PayStatement.rule_version, "核算规则的版本", "Version of the rules", filter=True),
        column(PayStatement.created_at, "核算时间", "When it was worked out", filter=True, order=True),
        one("run", "PayRun", PayStatement.run_id, "核算", "The run"),
        one("scheme", "PayScheme", PayStatement.scheme_id, "方案", "The scheme", granted=True),
        one("person", "Person", PayStatement.person_id, "人员", "The person"),
        one("unit", "OrgUnit", PayStatement.unit_id, "团队", "The team"),
        many("lines", "PayLine", "statement_id", "明细", "Its lines", filter=True),
        many("disputes", "PayDispute", "statement_id", "异议", "Disputes about it", filter=True),
        many("corrections", "PayCorrection", "statement_id", "对它的更正", "What corrects it", filter=True),
    ),
)
LINE = Entity(
    "PayLine",
    PayLine,
    Bilingual("薪酬单的一行", "One rule's part of a statement"),
    view=STATEMENTS_VIEW,
    reach=_of_statement(),
    order=(("statementId", False), ("position", False)),
    fields=(
        column(PayLine.id, "编号", "Identifier", filter=True),
        column(PayLine.statement_id, "薪酬单编号", "Id of the statement", filter=True, order=True),
        computed(
            "month",
            DATE,
            _shown(PayStatement, "statement_id", "month"),
            "月份（首日）",
            "The month's first day",
            nullable=False,
            filter=True,
            group=True,
        ),
        column(PayLine.position, "第几行，从 1 开始", "Its place, from 1", filter=True, order=True),
        column(PayLine.rule, "规则的标识", "Key of the rule", filter=True, group=True),
        column(PayLine.title_zh, "中文名", "Chinese title"),
        column(PayLine.title_en, "英文名", "English title"),
        column(PayLine.inputs, "依据的数据", "What went in"),
        column(PayLine.formula_zh, "算式（中文）", "The formula with its figures, in Chinese"),
        column(PayLine.formula_en, "算式（英文）", "The formula with its figures, in English"),
        column(PayLine.fen, "金额", "What came out", kind=FEN, filter=True, order=True, aggregate=True),
        one("statement", "PayStatement", PayLine.statement_id, "薪酬单", "The statement", granted=True),
        many("disputes", "PayDispute", "line_id", "异议", "Disputes about it", filter=True),
    ),
)
DISPUTE = Entity(
    "PayDispute",
    PayDispute,
    Bilingual("对薪酬单一行的异议", "A dispute about a line of pay"),
    view=STATEMENTS_VIEW,
    reach=_of_statement(),
    order=(("raisedAt", True),),
    fields=(
        column(PayDispute.id, "编号", "Identifier", filter=True),
        column(PayDispute.line_id, "所指行的编号", "Id of the line", filter=True),
        column(PayDispute.statement_id, "薪酬单编号", "Id of the statement", filter=True),
        column(PayDispute.text, "异议内容", "What is said against it"),
        column(PayDispute.status, "状态", "Its state", kind=DISPUTE_STATUS, filter=True, group=True),
        column(PayDispute.answer, "答复", "What was answered"),
        column(PayDispute.raised_at, "提出时间", "When it was raised", filter=True, order=True),
        column(PayDispute.raised_by, "提出人编号", "Id of who raised it", name="raisedById", filter=True),
        computed("raisedByName", STRING, name_of("raised_by"), "提出人姓名", "Name of who raised it"),
        column(PayDispute.decided_at, "答复时间", "When it was answered", filter=True, order=True),
        column(PayDispute.decided_by, "答复人编号", "Id of who answered", name="decidedById", filter=True),
        column(PayDispute.version, *_CHANGES),
        one("line", "PayLine", PayDispute.line_id, "所指的行", "The line", granted=True),
        one("statement", "PayStatement", PayDispute.statement_id, "薪酬单", "The statement", granted=True),
        one("raisedBy", "Person", PayDispute.raised_by, "提出人", "Who raised it"),
        one("decidedBy", "Person", PayDispute.decided_by, "答复人", "Who answered"),
    ),
)
CORRECTION = Entity(
    "PayCorrection",
    PayCorrection,
    Bilingual("已公布薪酬单少发或多发的金额", "What a published statement paid too little, or below zero too much"),
    view=STATEMENTS_VIEW,
    reach=_of_statement(),
    order=(("madeAt", True),),
    fields=(
        column(PayCorrection.id, "编号", "Identifier", filter=True),
        column(PayCorrection.person_id, "人员编号", "Id of the person", filter=True),
        column(PayCorrection.statement_id, "所更正薪酬单的编号", "Id of the statement that it corrects", filter=True),
        column(PayCorrection.dispute_id, "异议编号", "Id of the dispute that led to it", filter=True),
        column(
            PayCorrection.month, "列入该月或之后的薪酬单", "Goes into a statement of this month or later", filter=True
        ),
        column(PayCorrection.fen, "金额", "The amount", kind=FEN, filter=True, order=True, aggregate=True),
        column(PayCorrection.reason, "原因", "Why"),
        column(PayCorrection.paid_run_id, "发放它的核算编号", "Id of the run that paid it", filter=True),
        column(PayCorrection.withdrawn_at, "撤销时间", "When it was taken back", filter=True),
        column(PayCorrection.made_at, "登记时间", "When it was entered", filter=True, order=True),
        column(PayCorrection.made_by, "登记人编号", "Id of who entered it", name="madeById", filter=True),
        column(PayCorrection.version, *_CHANGES),
        one("statement", "PayStatement", PayCorrection.statement_id, "薪酬单", "The statement", granted=True),
        one("dispute", "PayDispute", PayCorrection.dispute_id, "异议", "The dispute", granted=True),
        one("paidRun", "PayRun", PayCorrection.paid_run_id, "发放它的核算", "The run that paid it"),
        one("madeBy", "Person", PayCorrection.made_by, "登记人", "Who entered it"),
    ),
)

CATALOGUE = Catalogue(
    entities=(SCHEME, VERSION, MEMBER, RUN, STATEMENT, LINE, DISPUTE, CORRECTION),
    roots=(
        ListRoot("paySchemes", "PayScheme", Bilingual("薪酬方案", "Pay schemes")),
        OneRoot("payScheme", "PayScheme", Bilingual("一个薪酬方案", "One pay scheme")),
        ListRoot("payMembers", "PayMember", Bilingual("数据范围内的方案成员", "Members of schemes within reach")),
        ListRoot("payRuns", "PayRun", Bilingual("数据范围内的薪酬核算", "Pay runs within reach")),
        OneRoot("payRun", "PayRun", Bilingual("一次薪酬核算", "One pay run")),
        ListRoot("payStatements", "PayStatement", Bilingual("数据范围内的薪酬单", "Pay statements within reach")),
        OneRoot("payStatement", "PayStatement", Bilingual("一份薪酬单", "One pay statement")),
        ListRoot("payLines", "PayLine", Bilingual("数据范围内薪酬单的各行", "Lines of statements within reach")),
        ListRoot("payDisputes", "PayDispute", Bilingual("数据范围内的薪酬异议", "Disputes about pay within reach")),
        OneRoot("payDispute", "PayDispute", Bilingual("一条薪酬异议", "One dispute about pay")),
        ListRoot(
            "payCorrections", "PayCorrection", Bilingual("数据范围内的薪酬更正", "Corrections of pay within reach")
        ),
    ),
)
