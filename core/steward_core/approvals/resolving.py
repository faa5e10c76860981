"""What a submission finds out: which definition is for the subject, and the people whom its steps name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.approvals.definitions import (
    Definition,
    NamedUser,
    OwnersSupervisor,
    RoleInUnit,
    Selector,
    UnitLead,
    definition_for,
    read_definition,
)
from steward_core.approvals.models import ApprovalDefinition
from steward_core.approvals.people import active, administrators, presence, role_holders, supervisors_of, unit_leads
from steward_core.approvals.subjects import SUBJECTS, Found, subject_of
from steward_core.approvals.trail import Resolution
from steward_tenants.access.queries import today
from steward_tenants.database.actor import NOBODY
from steward_tenants.database.session import TenantSession


@dataclass(frozen=True)
class InForce:
    """A definition that is in force, and the document it was read from; `id` None: the built-in one."""

    definition: Definition
    document: dict[str, Any]
    id: UUID | None = None


def day_of(session: TenantSession) -> date:
    """The tenant's day, by which roles and units count."""
    return today(session.time_zone)


async def definitions_of(session: TenantSession, subject: str) -> list[InForce]:
    """The definitions in force for a subject, in the tenant's order; the built-in one where it has none.

    Raises SubjectUnknown, and DefinitionRefused for one that no longer fits what the subject declares.
    """
    fields = subject_of(subject).fields
    rows: Sequence[ApprovalDefinition] = await session.scalars(
        select(ApprovalDefinition)
        .where(session.within(ApprovalDefinition), ApprovalDefinition.subject == subject, ApprovalDefinition.active)
        .order_by(ApprovalDefinition.place, ApprovalDefinition.key)
    )
    if rows:
        return [InForce(read_definition(row.document, fields), row.document, row.id) for row in rows]
    built_in = SUBJECTS[subject]
    return [InForce(built_in.default, dict(built_in.document))]


async def definition_of(session: TenantSession, subject: str, found: Found) -> InForce:
    """The definition that is for this subject with its values. Raises SubjectUnknown, DefinitionNotFound, ValueMissing,
    DefinitionRefused."""
    known = await definitions_of(session, subject)
    chosen = definition_for([one.definition for one in known], subject, found.values)
    return next(one for one in known if one.definition is chosen)


async def resolve(
    session: TenantSession, definition: Definition, found: Found, on: date, *, requesters: frozenset[UUID]
) -> Resolution:
    """Everybody whom the definition's steps name for this subject on a day, in a few statements whatever their number.

    The owner is among those whose own matter it is: of supervisors and holders of roles the nearest are named whose
    matter it is not. Who was disabled is not named.
    """
    selectors = [selector for step in definition.steps for selector in step.approvers]
    concerned = found.concerned | {found.owner_id}
    people = await _Named.find(session, selectors, found, on, concerned | requesters)
    approvers = {step.key: tuple(people.by(selector) for selector in step.approvers) for step in definition.steps}
    admins = await administrators(session, on)
    everybody = {person for groups in approvers.values() for group in groups for person in group} | set(admins)
    away = {person: one.substitute for person, one in (await presence(session, everybody)).items() if one.substitute}
    return Resolution(
        approvers=approvers,
        values=dict(found.values),
        administrators=admins,
        concerned=concerned,
        substitutes=away,
    )


@dataclass(frozen=True)
class _Named:
    """The people behind the selectors of a definition."""

    found: Found
    users: frozenset[UUID]
    supervisors: tuple[UUID, ...]
    roles: dict[tuple[str, UUID], tuple[UUID, ...]]
    leads: dict[int, tuple[UUID, ...]]

    @classmethod
    async def find(
        cls, session: TenantSession, selectors: Sequence[Selector], found: Found, on: date, barred: frozenset[UUID]
    ) -> _Named:
        users = await active(session, [one.user for one in selectors if isinstance(one, NamedUser)])
        supervisors: tuple[UUID, ...] = ()
        if any(isinstance(one, OwnersSupervisor) for one in selectors):
            supervisors = (await supervisors_of(session, [found.owner_id], on, besides=barred)).get(found.owner_id, ())
        roles: dict[tuple[str, UUID], tuple[UUID, ...]] = {}
        asked = [one for one in selectors if isinstance(one, RoleInUnit)]
        for role in sorted({one.role for one in asked}):
            units = {_place(one, found) for one in asked if one.role == role}
            holders = await role_holders(session, role, units, on, besides=barred)
            roles |= {(role, unit): people for unit, people in holders.items()}
        levels = {one.levels_up for one in selectors if isinstance(one, UnitLead)}
        leads = {} if found.unit_id is None else await unit_leads(session, found.unit_id, levels, on)
        return cls(found, users, supervisors, roles, leads)

    def by(self, selector: Selector) -> tuple[UUID, ...]:
        """Whom one selector names."""
        if isinstance(selector, NamedUser):
            return (selector.user,) if selector.user in self.users else ()
        if isinstance(selector, OwnersSupervisor):
            return self.supervisors
        if isinstance(selector, UnitLead):
            return self.leads.get(selector.levels_up, ())
        return self.roles.get((selector.role, _place(selector, self.found)), ())


def _place(selector: RoleInUnit, found: Found) -> UUID:
    return selector.unit or found.unit_id or NOBODY
