"""Faults of clients' lines, from the report until the client confirms that it is mended."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ValidationInfo, field_validator

from steward_core.forms.fields import Body, Code, Moment, Refused, Text, Widget, computed, field
from steward_core.forms.form import Form, FormInfo, SubjectKind
from steward_telecom.choices import FaultLine
from steward_tenants.texts import Bilingual

_STEPS = ("reported_at", "engineering_contacted_at", "arrived_at", "restored_at", "confirmed_at")
"""In the order in which they come."""


class FaultReport(Form):
    """A fault that a client reports 故障申告. Its moments keep the promises about faults: engineering contacted in 10
    minutes, a response in 30, mended in two hours, in four for internet cafés [000#4]."""

    about = FormInfo("fault_report", Bilingual("故障申告", "Fault report"), SubjectKind.CLIENT, title_field="line")
    line: Annotated[Code, field("线路", "Line", filterable=True, headers=("电路编号", "专线号", "账号"))]
    kind: Annotated[FaultLine, field("线路类型", "Kind of line", filterable=True)]
    symptom: Annotated[Body | None, field("故障现象", "What is wrong", widget=Widget.BODY)] = None
    service_request_id: Annotated[UUID | None, field("服务请求", "Service request", filterable=True)] = None
    reported_by: Annotated[Text | None, field("申告人", "Reported by", personal=True)] = None
    reported_at: Annotated[Moment, field("申告时间", "Reported", filterable=True)]
    engineering_contacted_at: Annotated[Moment | None, field("联系工程时间", "Engineering contacted")] = None
    arrived_at: Annotated[Moment | None, field("到场时间", "Arrived")] = None
    restored_at: Annotated[Moment | None, field("修复时间", "Restored", filterable=True)] = None
    cause: Annotated[Body | None, field("故障原因", "Cause", widget=Widget.BODY)] = None
    confirmed_at: Annotated[Moment | None, field("与客户确认时间", "Confirmed with the client", filterable=True)] = None

    @field_validator(*_STEPS[1:])
    @classmethod
    def _not_before(cls, moment: datetime | None, info: ValidationInfo) -> datetime | None:
        reported = info.data.get("reported_at")
        if moment is not None and reported is not None and moment < reported:
            raise Refused("不能早于申告时间。", "It cannot lie before the report.")
        if moment is not None and info.field_name == "confirmed_at":
            restored = info.data.get("restored_at")
            if restored is None or moment < restored:
                raise Refused("修复之后才能与客户确认。", "The client confirms what was restored before.")
        return moment

    @computed("响应用时（分钟）", "Minutes to the response", filterable=True)
    def response_minutes(self) -> int | None:
        """Minutes until somebody arrived or, where nobody had to, until it was mended."""
        return self._minutes(self.arrived_at or self.restored_at)

    @computed("修复用时（分钟）", "Minutes to the repair", filterable=True)
    def repair_minutes(self) -> int | None:
        """Minutes from the report to the repair."""
        return self._minutes(self.restored_at)

    @computed("客户已确认", "Confirmed", filterable=True)
    def confirmed(self) -> bool:
        """Whether the client confirmed the repair."""
        return self.confirmed_at is not None

    def _minutes(self, until: datetime | None) -> int | None:
        return None if until is None else int((until - self.reported_at).total_seconds() // 60)


FAULT_FORMS = (FaultReport,)
