"""What a tenant sets about pay."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from steward_tenants.configuration.settings import declare_setting

DISPUTE_DAYS = declare_setting(
    "incentives.dispute_days",
    Annotated[int, Field(ge=0, le=365)],
    10,
    "薪酬单公布后可提异议的天数",
    "Days after approval in which a line of a statement can be disputed",
)
