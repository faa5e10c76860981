"""Definitions as a tenant's administrators set them: each change is a new version, and what runs keeps its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from steward_core.approvals.conditions import FieldKind
from steward_core.approvals.definitions import Definition, NamedUser, RoleInUnit, Selector, read_definition
from steward_core.approvals.errors import DefinitionRefused, DefinitionUnknown, SubjectUnknown
from steward_core.approvals.ledger import ids
from steward_core.approvals.models import ApprovalDefinition
from steward_core.approvals.people import active
from steward_core.approvals.subjects import SUBJECTS, subject_of
from steward_core.permissions import APPROVALS_MANAGE
from steward_tenants.access.models import Role
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem
from steward_tenants.organisation.models import OrgUnit, UnitStatus
from steward_tenants.texts import Bilingual


@command("approvals.definition.set", "设定审批流程", "Define an approval", permission=APPROVALS_MANAGE)
async def set_definition(session: WriteSession, *, document: Mapping[str, Any], place: int = 0) -> ApprovalDefinition:
    """Make a document the next version of its key; the version that it names, if any, counts for nothing. It takes the
    place of the version before, and orders by `place` among the definitions of its subject.

    Raises SubjectUnknown, DefinitionRefused naming every step, field, person, role and unit that is wrong.
    """
    key = document.get("key")
    await take_turn(session, f"approval_definition.{key}")
    last: ApprovalDefinition | None = await session.scalar(
        select(ApprovalDefinition)
        .where(session.within(ApprovalDefinition), ApprovalDefinition.key == str(key))
        .order_by(ApprovalDefinition.version.desc())
        .limit(1)
    )
    number = 1 if last is None else last.version + 1
    definition = await checked(session, document, version=number)
    if last is not None and last.subject != definition.subject:
        text = Bilingual("此标识已用于另一类事项。", "This key is used for another kind of subject.")
        raise DefinitionRefused(problems=[FieldProblem(("subject",), "taken", text)])
    await _retire(session, definition.key)
    row = ApprovalDefinition(
        id=new_id(),
        key=definition.key,
        version=number,
        subject=definition.subject,
        title_zh=definition.title.zh,
        title_en=definition.title.en,
        place=place,
        document=definition.model_dump(mode="json"),
        active=True,
        made_by=session.actor.id,
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    await record(
        session,
        "approvals.definition.set",
        Subject("approval_definition", row.id),
        before={} if last is None else {"version": last.version, "place": last.place, "document": last.document},
        after={"key": row.key, "version": number, "place": place, "document": row.document},
    )
    return row


@command("approvals.definition.retire", "停用审批流程", "Retire an approval's definition", permission=APPROVALS_MANAGE)
async def retire_definition(session: WriteSession, *, key: str) -> ApprovalDefinition:
    """Let a definition rest: nothing new begins under it. A subject without any has the built-in one again. Raises
    DefinitionUnknown."""
    await take_turn(session, f"approval_definition.{key}")
    row = await session.find(ApprovalDefinition, ApprovalDefinition.key == key, ApprovalDefinition.active.is_(True))
    if row is None:
        raise DefinitionUnknown(key=key)
    await _retire(session, key)
    await session.refresh(row)
    await record(
        session,
        "approvals.definition.retire",
        Subject("approval_definition", row.id),
        before={"active": True},
        after={"active": False},
    )
    return row


async def checked(session: TenantSession, document: Mapping[str, Any], *, version: int = 1) -> Definition:
    """The definition of a document, whose people, roles and units are there. Raises SubjectUnknown,
    DefinitionRefused."""
    subject = document.get("subject")
    if not isinstance(subject, str) or subject not in SUBJECTS:
        raise SubjectUnknown(subject=str(subject))
    fields: Mapping[str, FieldKind] = subject_of(subject).fields
    definition = read_definition({**document, "version": version}, fields)
    if problems := await _unknown(session, definition):
        raise DefinitionRefused(problems=problems)
    return definition


async def _retire(session: WriteSession, key: str) -> None:
    await session.execute(
        update(ApprovalDefinition)
        .where(session.within(ApprovalDefinition), ApprovalDefinition.key == key, ApprovalDefinition.active)
        .values(active=False)
        .execution_options(synchronize_session=False)
    )


async def _unknown(session: TenantSession, definition: Definition) -> list[FieldProblem]:
    """Whom and what the definition names that is not there: one statement each for people, roles and units."""
    named = list(_selectors(definition))
    users = {one.user for _, one in named if isinstance(one, NamedUser)}
    roles = {one.role for _, one in named if isinstance(one, RoleInUnit)}
    units = {one.unit for _, one in named if isinstance(one, RoleInUnit) and one.unit is not None}
    people = await active(session, users)
    known: Sequence[str] = (
        await session.scalars(select(Role.key).where(session.within(Role), Role.key.in_(sorted(roles))))
        if roles
        else ()
    )
    places: Sequence[UUID] = ()
    if units:
        places = await session.scalars(
            select(OrgUnit.id).where(
                session.within(OrgUnit),
                OrgUnit.id == func.any(ids(sorted(units))),
                OrgUnit.status == UnitStatus.ACTIVE.value,
            )
        )
    problems = []
    for path, one in named:
        if isinstance(one, NamedUser) and one.user not in people:
            problems.append(_problem((*path, "user"), "没有此人，或已停用。", "There is no such active person."))
        if isinstance(one, RoleInUnit) and one.role not in known:
            problems.append(_problem((*path, "role"), "没有此角色。", "There is no such role."))
        if isinstance(one, RoleInUnit) and one.unit is not None and one.unit not in places:
            problems.append(_problem((*path, "unit"), "没有此机构，或已撤销。", "There is no such open unit."))
    return problems


def _selectors(definition: Definition) -> Iterator[tuple[tuple[str, ...], Selector]]:
    for number, step in enumerate(definition.steps):
        for place, selector in enumerate(step.approvers):
            yield ("steps", str(number), "approvers", str(place)), selector


def _problem(path: tuple[str, ...], zh: str, en: str) -> FieldProblem:
    return FieldProblem(path, "unknown", Bilingual(zh, en))
