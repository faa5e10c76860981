"""What stands in an inbox: its kinds, and how each is told to people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from steward_tenants.texts import Bilingual


class InboxKind(StrEnum):
    """What sort of thing it is: those to decide on, to read, to apply or to solve wait for the actor, the others tell
    what happened lately; notices are what else the actor was told."""

    APPROVAL_WAITING = "approval_waiting"
    FORM_APPROVAL = "form_approval"
    OBJECTION_OPEN = "objection_open"
    PRIVACY_REQUEST = "privacy_request"
    IMPORT_WAITING = "import_waiting"
    DUPLICATES = "duplicates"
    OBJECTION_DECIDED = "objection_decided"
    IMPORT_FAILED = "import_failed"
    RUN_ENDED = "run_ended"
    HAND_OVER_PLANNED = "hand_over_planned"
    HAND_OVER_DONE = "hand_over_done"
    REPORT_SUBMITTED = "report_submitted"
    MEETING_PROBLEM = "meeting_problem"
    PAY_DISPUTE = "pay_dispute"
    PROMISE_NEAR = "promise_near"
    PROMISE_BROKEN = "promise_broken"
    REQUEST_OPEN = "request_open"
    REQUEST_LEG = "request_leg"
    NOTICE = "notice"

    @property
    def text(self) -> Bilingual:
        """Its name."""
        return _TITLES[self]


_TITLES = {
    InboxKind.APPROVAL_WAITING: Bilingual("待您审批", "Approval to decide on"),
    InboxKind.FORM_APPROVAL: Bilingual("表单待审批", "Form to decide on"),
    InboxKind.OBJECTION_OPEN: Bilingual("评级异议待裁定", "Objection to decide on"),
    InboxKind.PRIVACY_REQUEST: Bilingual("个人信息请求待处理", "Personal-data request to decide on"),
    InboxKind.IMPORT_WAITING: Bilingual("导入已检查，待执行", "Import checked, to be applied"),
    InboxKind.DUPLICATES: Bilingual("疑似重复客户待确认", "Possible duplicates to look at"),
    InboxKind.OBJECTION_DECIDED: Bilingual("评级异议已裁定", "Objection decided"),
    InboxKind.IMPORT_FAILED: Bilingual("导入失败", "Import failed"),
    InboxKind.RUN_ENDED: Bilingual("任务已结束", "Run ended"),
    InboxKind.HAND_OVER_PLANNED: Bilingual("客户即将移交给您", "Clients will be handed over to you"),
    InboxKind.HAND_OVER_DONE: Bilingual("客户已移交给您", "Clients were handed over to you"),
    InboxKind.REPORT_SUBMITTED: Bilingual("工作总结待批阅", "Summary to read"),
    InboxKind.MEETING_PROBLEM: Bilingual("下级上报的会议问题", "Problem handed up from a meeting"),
    InboxKind.PAY_DISPUTE: Bilingual("薪酬异议待答复", "Dispute about pay to answer"),
    InboxKind.PROMISE_NEAR: Bilingual("承诺临近到期", "Promise near its limit"),
    InboxKind.PROMISE_BROKEN: Bilingual("承诺已超时", "Promise over its limit"),
    InboxKind.REQUEST_OPEN: Bilingual("服务请求待办理", "Service request to work on"),
    InboxKind.REQUEST_LEG: Bilingual("服务环节待办理", "Leg of a request to work on"),
    InboxKind.NOTICE: Bilingual("通知", "Notice"),
}


@dataclass(frozen=True)
class InboxItem:
    """One line. `id` names the form record, objection, request, import, run, hand-over or notice; None for counted
    lines. `count` is how many things the line stands for; `unread` is False for a notice that was read."""

    kind: InboxKind
    id: UUID | None
    client_id: UUID | None
    title: Bilingual
    at: datetime
    count: int = 1
    unread: bool = True

    @property
    def key(self) -> str:
        """Tells it from all other lines."""
        return f"{self.kind.value}:{self.id or ''}"
