"""What can be approved: each domain declares its subjects, and is told how they were settled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import UUID

from steward_core.approvals.conditions import FieldKind, Value
from steward_core.approvals.definitions import Definition, read_definition
from steward_core.approvals.errors import SubjectUnknown
from steward_core.forms.fields import Choice
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class Found:
    """A subject as it stands when it is submitted. `values` are what conditions may ask for, by the declared fields.

    `title` is what lists call it; `owner_id` whose supervisor decides, and `unit_id` the unit whose people do. The
    owner, the requester and those in `concerned` never decide on it.
    """

    title: str
    owner_id: UUID
    unit_id: UUID | None
    values: Mapping[str, Value]
    client_id: UUID | None = None
    concerned: frozenset[UUID] = frozenset()


class Settled(Choice):
    """What the subject's domain is told. Returned and withdrawn subjects may be submitted again."""

    APPROVED = "approved", "已同意", "approved"
    REJECTED = "rejected", "已拒绝", "rejected"
    WITHDRAWN = "withdrawn", "已撤回", "withdrawn"
    EXPIRED = "expired", "已到期", "expired"
    RETURNED = "returned", "已退回申请人", "sent back to the requester"


Find = Callable[[TenantSession, UUID], Awaitable[Found]]
Settle = Callable[[WriteSession, UUID, Settled, UUID | None, str], Awaitable[None]]
Resume = Callable[[WriteSession, UUID], Awaitable[None]]


@dataclass(frozen=True)
class ApprovalSubject:
    """One kind of subject. `settle` gets the subject's id, the outcome, by whom (None: the clock, or the product) and
    the reason, in the transaction of the decision: an error there undoes the decision. Whoever decides holds the
    approval first and the subject then: a command that withdraws holds the subject by no lock of its own before.

    `resume` is called likewise when the requester submits the subject again from the approval's own page; without it
    that is only done where it was submitted first (which calls `service.start` again). It locks and checks the subject,
    and refuses where what the subject belongs to has ended since.
    """

    key: str
    title: Bilingual
    fields: Mapping[str, FieldKind]
    find: Find
    settle: Settle
    resume: Resume | None = None


@dataclass(frozen=True)
class _Declared:
    subject: ApprovalSubject
    default: Definition
    document: Mapping[str, Any] = field(repr=False)


_DECLARED: dict[str, _Declared] = {}
SUBJECTS: Mapping[str, _Declared] = MappingProxyType(_DECLARED)
"""By key, in the order of their declaration."""


def declare_subject(subject: ApprovalSubject, *, default: Mapping[str, Any]) -> ApprovalSubject:
    """Declare a subject with the document of the definition that holds until a tenant has one of its own.

    A key stands once. Raises ValueError, and DefinitionRefused for a document that does not hold together.
    """
    if subject.key in _DECLARED:
        raise ValueError(f"approval subject {subject.key} is declared twice")
    definition = read_definition(default, subject.fields)
    if definition.subject != subject.key:
        raise ValueError(f"the default definition of {subject.key} is for {definition.subject}")
    _DECLARED[subject.key] = _Declared(subject, definition, dict(default))
    return subject


def subject_of(key: str) -> ApprovalSubject:
    """The declared subject. Raises SubjectUnknown."""
    if key not in _DECLARED:
        raise SubjectUnknown(subject=key)
    return _DECLARED[key].subject


def by_supervisor(subject: str, title: Bilingual) -> dict[str, Any]:
    """The document of a definition with one step: the supervisor of the subject's owner, or an administrator where
    there is none."""
    return {
        "key": subject,
        "version": 1,
        "subject": subject,
        "title": title._asdict(),
        "steps": [supervisor_step()],
    }


def supervisor_step() -> dict[str, Any]:
    """The step in which any supervisor of the owner decides."""
    return {
        "key": "supervisor",
        "title": {"zh": "主管审批", "en": "Supervisor"},
        "kind": "any",
        "approvers": [{"by": "supervisor"}],
        "empty": "to_admin",
    }
