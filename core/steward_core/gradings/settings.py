"""What a tenant sets about gradings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from steward_tenants.configuration.settings import declare_setting

OBJECTION_DAYS = declare_setting(
    "gradings.objection_days",
    Annotated[int, Field(ge=0, le=365)],
    10,
    "评级生效后可提异议的天数",
    "Days after binding in which a grading can be objected to",
)
TWO_PEOPLE = declare_setting(
    "gradings.two_people",
    bool,
    False,
    "评级须由发起人以外的人确认生效",
    "A grading is bound by somebody else than who asked for it",
)
