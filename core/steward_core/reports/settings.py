"""What a tenant sets about reports."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from steward_core.reports.models import ReportKind
from steward_tenants.configuration.settings import declare_setting

CASES = declare_setting(
    "reports.cases",
    Annotated[int, Field(ge=0, le=20)],
    3,
    "月总结须写成功、失败案例各几个",
    "Successful, and unsuccessful, cases that a month summary must hold",
)
EXPECTED = declare_setting(
    "reports.expected",
    list[ReportKind],
    [ReportKind.DAY, ReportKind.WEEK, ReportKind.MONTH],
    "下班时提醒未提交的报告种类",
    "Reports that managers are reminded of at the end of work",
)
