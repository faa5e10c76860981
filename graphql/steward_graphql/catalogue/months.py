"""Months of the business: opened, closed, and what they held."""

from __future__ import annotations

from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.permissions import PLANS_VIEW
from steward_graphql.declared.entities import Catalogue, Entity, ListRoot, OneRoot, column, one
from steward_graphql.declared.scalars import enum_of
from steward_tenants.texts import Bilingual

MONTH_STATUS = enum_of(
    MonthStatus,
    "MonthStatus",
    "月份的状态",
    "State of a month",
    {
        "opening": ("正在开启", "Being opened"),
        "open": ("进行中", "Open"),
        "closing": ("正在关闭", "Being closed"),
        "closed": ("已关闭", "Closed"),
    },
)
MONTH = Entity(
    "BusinessMonth",
    BusinessMonth,
    Bilingual("业务月份", "A month of the business"),
    view=PLANS_VIEW,
    order=(("month", True),),
    fields=(
        column(BusinessMonth.id, "编号", "Identifier"),
        column(BusinessMonth.month, "该月第一天", "Its first day", filter=True, order=True),
        column(BusinessMonth.status, "状态", "Its state", kind=MONTH_STATUS, filter=True, group=True),
        column(BusinessMonth.opened_at, "开启时间", "When it was open", filter=True, order=True),
        column(BusinessMonth.closed_at, "关闭时间", "When it was closed", filter=True, order=True),
        column(BusinessMonth.figures, "开启与关闭时的数字", "What it held when it was opened and closed"),
        column(BusinessMonth.created_at, "建立时间", "When it was made"),
        column(BusinessMonth.version, "版本", "Counts its changes"),
        one("openedBy", "Person", BusinessMonth.opened_by, "开启人", "Who opened it"),
        one("closedBy", "Person", BusinessMonth.closed_by, "关闭人", "Who closed it"),
        one("openingRun", "Run", BusinessMonth.opening_run_id, "开启任务", "The run that opens it"),
        one("closingRun", "Run", BusinessMonth.closing_run_id, "关闭任务", "The run that closes it"),
    ),
)

CATALOGUE = Catalogue(
    entities=(MONTH,),
    roots=(
        ListRoot("businessMonths", "BusinessMonth", Bilingual("业务月份", "Months of the business")),
        OneRoot("businessMonth", "BusinessMonth", Bilingual("一个业务月份", "One month of the business")),
    ),
)
