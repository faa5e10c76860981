"""The day's fixed times: morning meeting, visits, evening meeting [000#5]. A tenant changes them."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import BaseModel, ConfigDict, model_validator

from steward_core.forms.fields import Refused, field
from steward_core.permissions import POLICIES_MANAGE
from steward_tenants.configuration.settings import declare_setting


class DayTimes(BaseModel):
    """When a manager's day has its meetings and its visits begin; shown on the day sheet."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    morning_meeting: Annotated[time, field("晨会", "Morning meeting")] = time(8, 45)
    visits_from: Annotated[time, field("开始走访", "Visits from")] = time(9, 30)
    evening_meeting: Annotated[time, field("夕会", "Evening meeting")] = time(17, 0)

    @model_validator(mode="after")
    def _in_order(self) -> DayTimes:
        if not self.morning_meeting <= self.visits_from <= self.evening_meeting:
            raise Refused("晨会、走访、夕会须依次进行。", "the meetings and the visits come one after another.")
        return self


DAY_TIMES = declare_setting(
    "visits.day_times",
    DayTimes,
    DayTimes(),
    "每日晨会、走访、夕会时间",
    "Times of the morning meeting, the visits and the evening meeting",
    permission=POLICIES_MANAGE,
)
