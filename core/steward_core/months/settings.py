"""What a tenant sets about its months."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from steward_tenants.configuration.settings import declare_setting

AHEAD_DAYS = declare_setting(
    "months.ahead_days",
    Annotated[int, Field(ge=0, le=31)],
    7,
    "最早提前几天开启下一个月",
    "Days before its first day from which a month can be opened",
)
AUTOMATIC = declare_setting(
    "months.automatic",
    bool,
    True,
    "每月自动开启，结果全部批准后自动关闭",
    "Months are opened, and closed once all results are approved, by themselves",
)
CLOSING_DAYS = declare_setting(
    "months.closing_days",
    Annotated[int, Field(ge=1, le=28)],
    10,
    "月末后几天内自动尝试关闭",
    "Days after a month's end on which closing is tried by itself",
)
