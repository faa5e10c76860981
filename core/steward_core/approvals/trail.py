"""What happened to an approval, entry by entry: the evidence from which its state is worked out again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from steward_core.approvals.conditions import Value
from steward_core.forms.fields import Choice


class Act(Choice):
    """What people, administrators and the clock do."""

    START = "start", "发起", "Start"
    APPROVE = "approve", "同意", "Approve"
    REJECT = "reject", "拒绝", "Reject"
    ADD_BEFORE = "add_before", "前加签", "Ask somebody before me"
    ADD_AFTER = "add_after", "后加签", "Ask somebody after me"
    DELEGATE = "delegate", "委托", "Delegate"
    TRANSFER = "transfer", "转交", "Hand over"
    SEND_BACK = "send_back", "退回", "Send back"
    WITHDRAW = "withdraw", "撤回", "Withdraw"
    RESUBMIT = "resubmit", "重新提交", "Submit again"
    REPLACE = "replace", "替换审批人", "Replace an approver"
    SUBSTITUTE = "substitute", "设定代办人", "Name a substitute"
    SUCCEED = "succeed", "接手", "Take over from the requester"
    REMIND = "remind", "提醒", "Remind"
    EXPIRE = "expire", "到期", "Expire"


@dataclass(frozen=True)
class Resolution:
    """What a submission found out, kept with it so that the trail needs nothing else: the subject's declared values;
    for each step the people whom each of its selectors names; administrators; those whose own matter it is besides the
    requester; and who stands in for whom while absent."""

    approvers: Mapping[str, tuple[tuple[UUID, ...], ...]]
    values: Mapping[str, Value] = field(default_factory=dict)
    administrators: tuple[UUID, ...] = ()
    concerned: frozenset[UUID] = frozenset()
    substitutes: Mapping[UUID, UUID] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One entry. `id` is the command's own key: the same one twice counts once. `actor` None is the product itself.

    `turn` is the turn that the actor saw. `person` is whom somebody adds, delegates or hands over to, or who stands in
    or takes over (None: the substitution ends) for `instead_of`, or who now has the subject besides the requester.
    `step` is where it is sent back to (None: to the requester). `resolution` comes with starting and submitting again,
    and with a replacement by somebody who became an administrator since.
    """

    id: UUID
    act: Act
    at: datetime
    actor: UUID | None
    turn: int | None = None
    person: UUID | None = None
    instead_of: UUID | None = None
    step: str | None = None
    reason: str = ""
    resolution: Resolution | None = None

    def same_as(self, other: Entry) -> bool:
        """Whether this is the same command, sent again at whatever time."""
        return self == replace(other, at=self.at)
