"""Who sees whose pay: everybody the own statements once they are published; of others only who sees statements and pay
(`reveal.pay`) both, as far as both reach."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, literal, or_, select

from steward_core.incentives.errors import PayRunNotFound, PaySchemeNotFound, PayStatementNotFound
from steward_core.incentives.models import PUBLISHED, PayRun, PayScheme, PayStatement
from steward_core.permissions import STATEMENTS_VIEW
from steward_tenants.access.permissions import REVEAL_PAY, Permission
from steward_tenants.access.queries import in_scope
from steward_tenants.access.rules import require
from steward_tenants.database.references import Reference
from steward_tenants.database.session import TenantSession, WriteSession


def of_payroll(session: TenantSession, permission: Permission, unit: Any, today: date) -> ColumnElement[bool]:
    """The condition that the actor's `permission` reaches a unit's pay, and may see it. Rows without a unit are the
    whole company's: they take a scope over everything."""
    return and_(in_scope(session, permission, unit=unit, on=today), in_scope(session, REVEAL_PAY, unit=unit, on=today))


def statement_seen(session: TenantSession, statement: Any, today: date) -> ColumnElement[bool]:
    """The condition that the actor sees a statement: an own one that was published, or as payroll."""
    own, actor = own_and_published(session, statement), session.actor
    if not actor.unrestricted and not {STATEMENTS_VIEW.key, REVEAL_PAY.key} <= actor.permissions:
        return own  # a condition that never holds beside it would keep the index of people from being used
    return or_(own, of_payroll(session, STATEMENTS_VIEW, statement.unit_id, today))


def own_and_published(session: TenantSession, statement: Any) -> ColumnElement[bool]:
    """The condition that a statement is the actor's own, in a run that was approved."""
    run: Any = Reference(PayRun)
    published = (
        select(run.id)
        .where(session.within(run), run.id == statement.run_id, run.status.in_(PUBLISHED))
        .correlate(statement)
        .exists()
    )
    return and_(statement.person_id == literal(session.actor.id), published)


async def scheme_in_reach(
    session: TenantSession, scheme_id: UUID, permission: Permission, today: date, *, lock: bool = False
) -> PayScheme:
    """A scheme whose pay the actor works on. Raises Forbidden, PaySchemeNotFound."""
    require(session.actor, permission)
    found = await session.find(
        PayScheme,
        PayScheme.id == scheme_id,
        of_payroll(session, permission, PayScheme.unit_id, today),
        lock=lock,
    )
    if found is None:
        raise PaySchemeNotFound
    return found


async def run_in_reach(
    session: TenantSession, run_id: UUID, permission: Permission, today: date, *, lock: bool = False
) -> PayRun:
    """A pay run that the actor works on. Raises Forbidden, PayRunNotFound."""
    require(session.actor, permission)
    found = await session.find(
        PayRun, PayRun.id == run_id, of_payroll(session, permission, PayRun.unit_id, today), lock=lock
    )
    if found is None:
        raise PayRunNotFound
    return found


async def statement_of_payroll(
    session: WriteSession, statement_id: UUID, permission: Permission, today: date
) -> PayStatement:
    """A statement that the actor works on as payroll. Raises Forbidden, PayStatementNotFound."""
    require(session.actor, permission)
    found = await session.find(
        PayStatement,
        PayStatement.id == statement_id,
        of_payroll(session, permission, PayStatement.unit_id, today),
    )
    if found is None:
        raise PayStatementNotFound
    return found
