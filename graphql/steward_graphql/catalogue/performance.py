"""Indicators and scores of a month, with what lies behind them, and the schemes by which months are scored.

Everybody sees the own ones, supervisors those of their units. Rows that a run is still working out are nobody's.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Date, and_, case, cast, exists, func, select
from sqlalchemy.orm import aliased

from steward_core.performance.models import MonthIndicator, MonthScore, ScoreScheme, ScoreStatus
from steward_core.performance.row_kinds import MONTH_INDICATOR, MONTH_SCORE
from steward_core.permissions import SCORES_VIEW
from steward_graphql.catalogue.client_names import unit_name
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Entity,
    ListRoot,
    OneRoot,
    Row,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import BOOLEAN, DECIMAL, INT, STRING, enum_of
from steward_tenants.texts import Bilingual

SCORE_STATUS = enum_of(
    ScoreStatus,
    "ScoreStatus",
    "月度得分的状态",
    "State of a month's score",
    {
        "computing": ("计算中", "Being worked out"),
        "preview": ("预览，尚未确认", "Preview: it may change"),
        "final": ("已确认，不再改变", "Final: it never changes"),
    },
)


def _worked_out(row: Row) -> ColumnElement[bool]:
    worked_out: ColumnElement[bool] = row.table.status != ScoreStatus.COMPUTING.value
    return worked_out


def _of_worked_out(row: Row) -> ColumnElement[bool]:
    score: Any = aliased(MonthScore)
    return exists(
        select(score.id)
        .where(row.within(score), score.id == row.table.score_id, score.status != ScoreStatus.COMPUTING.value)
        .correlate(row.table)
    )


def _rank_in_unit(row: Row) -> ColumnElement[Any]:
    """1 and the number of better scores of the same unit and month, among those that count."""
    other: Any = aliased(MonthScore)
    better = (
        select(func.count() + 1)
        .where(
            row.within(other),
            other.month == row.table.month,
            other.unit_id == row.table.unit_id,
            other.current,
            other.score > row.table.score,
        )
        .correlate(row.table)
        .scalar_subquery()
    )
    ranked = (row.table.current, row.table.score.is_not(None), row.table.unit_id.is_not(None))
    return case((and_(*ranked), better))


def _before(row: Row) -> ColumnElement[Any]:
    """The person's score of the month before, that counts."""
    other: Any = aliased(MonthScore)
    return (
        select(other.score)
        .where(
            row.within(other),
            other.owner_id == row.table.owner_id,
            other.month == cast(row.table.month - func.make_interval(0, 1), Date),
            other.current,
        )
        .correlate(row.table)
        .scalar_subquery()
    )


def _current(row: Row) -> ColumnElement[Any]:
    score: Any = aliased(MonthScore)
    return (
        select(score.current)
        .where(row.within(score), score.id == row.table.score_id)
        .correlate(row.table)
        .scalar_subquery()
    )


SCHEME = Entity(
    "ScoreScheme",
    ScoreScheme,
    Bilingual("考核办法的一个版本", "A version of how months are scored"),
    view=SCORES_VIEW,
    order=(("number", True),),
    fields=(
        column(ScoreScheme.id, "编号", "Identifier", filter=True),
        column(ScoreScheme.number, "版本号", "Its number", filter=True, order=True),
        column(ScoreScheme.effective_from, "从该月起生效", "In force from this month on", filter=True, order=True),
        column(
            ScoreScheme.items,
            "各项：指标、权重、目标值、计分方式",
            "Its items: indicator, weight, target, how points are reckoned",
        ),
        column(ScoreScheme.template, "是否为产品自带的办法", "Whether it is the one that is shipped", filter=True),
        column(ScoreScheme.reason, "修改原因", "Why it was set"),
        column(ScoreScheme.created_by, "设定人编号", "Id of who set it", name="createdById", filter=True),
        column(ScoreScheme.created_at, "设定时间", "When it was set", filter=True, order=True),
        one("createdBy", "Person", ScoreScheme.created_by, "设定人", "Who set it"),
    ),
)
SCORE = Entity(
    "MonthScore",
    MonthScore,
    Bilingual("一名客户经理一个月的得分", "What one manager's month came to"),
    kind=MONTH_SCORE,
    belongs=_worked_out,
    order=(("month", True), ("score", True)),
    fields=(
        column(MonthScore.id, "编号", "Identifier", filter=True),
        column(MonthScore.owner_id, "客户经理编号", "Id of the manager", filter=True, group=True),
        computed("ownerName", STRING, name_of("owner_id"), "客户经理姓名", "Name of the manager"),
        column(MonthScore.unit_id, "机构编号", "Id of the manager's unit then", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "机构名称", "Name of the unit"),
        column(MonthScore.month, "月份（首日）", "The month's first day", filter=True, order=True, group=True),
        column(MonthScore.revision, "第几次计算", "Which working-out of the month it is", filter=True, order=True),
        column(MonthScore.status, "状态", "Its state", kind=SCORE_STATUS, filter=True, group=True),
        column(
            MonthScore.current,
            "是否为有效得分：已确认的，或尚无确认时的预览",
            "Whether it counts: the final one, or the preview while there is none",
            filter=True,
            group=True,
        ),
        column(MonthScore.score, "得分（百分制）", "The score, of a hundred", filter=True, order=True, aggregate=True),
        column(
            MonthScore.lines,
            "逐项说明：数值、公式、得分，最后一行为合计",
            "The lines: inputs, formula and points of each item, the total last",
        ),
        computed(
            "rankInUnit",
            INT,
            _rank_in_unit,
            "本机构当月名次，1 为最高，同分同名次",
            "Rank in the unit that month, 1 the highest; equal scores share one",
        ),
        computed("previousScore", DECIMAL, _before, "上月得分", "The score of the month before"),
        column(MonthScore.scheme_id, "考核办法编号", "Id of the scheme", filter=True),
        column(MonthScore.rule_version, "计分规则的版本", "Version of the rules", filter=True),
        column(MonthScore.reason, "重新计算的原因", "Why a final score was worked out again"),
        column(MonthScore.worked_out_at, "计算时间", "When it was worked out", filter=True, order=True),
        column(MonthScore.finalised_at, "确认时间", "When it became final", filter=True, order=True),
        column(MonthScore.finalised_by, "确认人编号", "Id of who made it final", name="finalisedById", filter=True),
        one("owner", "Person", MonthScore.owner_id, "客户经理", "The manager"),
        one("unit", "OrgUnit", MonthScore.unit_id, "机构", "The unit"),
        one("scheme", "ScoreScheme", MonthScore.scheme_id, "考核办法", "The scheme"),
        one("finalisedBy", "Person", MonthScore.finalised_by, "确认人", "Who made it final"),
        many("indicators", "MonthIndicator", "score_id", "当月各项指标", "The month's indicators", filter=True),
    ),
)
INDICATOR = Entity(
    "MonthIndicator",
    MonthIndicator,
    Bilingual("一名客户经理一个月的一项指标", "One indicator of a manager's month"),
    kind=MONTH_INDICATOR,
    belongs=_of_worked_out,
    order=(("month", True), ("indicator", False)),
    fields=(
        column(MonthIndicator.id, "编号", "Identifier", filter=True),
        column(MonthIndicator.score_id, "得分编号", "Id of the score", filter=True),
        column(MonthIndicator.owner_id, "客户经理编号", "Id of the manager", filter=True, group=True),
        computed("ownerName", STRING, name_of("owner_id"), "客户经理姓名", "Name of the manager"),
        column(MonthIndicator.unit_id, "机构编号", "Id of the manager's unit then", filter=True, group=True),
        column(MonthIndicator.month, "月份（首日）", "The month's first day", filter=True, order=True, group=True),
        column(MonthIndicator.indicator, "指标的完整标识", "Its full key", filter=True, order=True, group=True),
        column(MonthIndicator.measure, "单位", "Its unit"),
        column(
            MonthIndicator.value,
            "数值；空为当月无数据",
            "The figure; null: there was none",
            filter=True,
            order=True,
            aggregate=True,
        ),
        column(MonthIndicator.numerator, "分子", "Of a rate: what is counted", aggregate=True),
        column(MonthIndicator.denominator, "分母", "Of a rate: out of what", aggregate=True),
        computed(
            "current",
            BOOLEAN,
            _current,
            "是否属于有效得分",
            "Whether its score counts",
            nullable=False,
            filter=True,
        ),
        one("score", "MonthScore", MonthIndicator.score_id, "所属得分", "The score that it went into"),
        one("owner", "Person", MonthIndicator.owner_id, "客户经理", "The manager"),
        one("unit", "OrgUnit", MonthIndicator.unit_id, "机构", "The unit"),
    ),
)

CATALOGUE = Catalogue(
    entities=(SCHEME, SCORE, INDICATOR),
    roots=(
        ListRoot("scoreSchemes", "ScoreScheme", Bilingual("考核办法的各版本", "The versions of the score scheme")),
        OneRoot("scoreScheme", "ScoreScheme", Bilingual("一个考核办法", "One scheme")),
        ListRoot("monthScores", "MonthScore", Bilingual("数据范围内的月度得分", "Scores of months within reach")),
        OneRoot("monthScore", "MonthScore", Bilingual("一个月度得分", "One score")),
        ListRoot(
            "monthIndicators", "MonthIndicator", Bilingual("数据范围内的月度指标", "Indicators of months within reach")
        ),
        OneRoot("monthIndicator", "MonthIndicator", Bilingual("一项月度指标", "One indicator")),
    ),
)
