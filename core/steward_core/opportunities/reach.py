"""Who reaches an opportunity and what belongs to it: by its owner and unit, and everybody in its team."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, literal, or_, select

from steward_core.forms.subjects import held_client
from steward_core.opportunities.errors import OpportunityChanged, OpportunityEnded, OpportunityNotFound
from steward_core.opportunities.models import Opportunity, OpportunityMember, Outcome, PipelineReview, title_of
from steward_core.permissions import OPPORTUNITIES_EDIT, OPPORTUNITIES_VIEW
from steward_tenants.access.permissions import Permission
from steward_tenants.access.row_kinds import RowKind, row_kinds
from steward_tenants.access.rules import reaches_everything, require
from steward_tenants.database.references import Reference
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import NotFound
from steward_tenants.texts import Bilingual

T = TypeVar("T")
OPPORTUNITY = row_kinds.declare(
    RowKind(
        "opportunity",
        Bilingual("商机", "opportunity"),
        Opportunity,
        OPPORTUNITIES_VIEW,
        owner=Opportunity.owner_id,
        unit=Opportunity.unit_id,
    )
)

REVIEW = row_kinds.declare(
    RowKind(
        "pipeline_review",
        Bilingual("商机周评审", "weekly review of opportunities"),
        PipelineReview,
        OPPORTUNITIES_VIEW,
        unit=PipelineReview.unit_id,
    )
)


def reached(session: TenantSession, permission: Permission, on: date, row: Any = Opportunity) -> ColumnElement[bool]:
    """The condition that an opportunity (the table or an alias of it) is in the actor's scope for `permission`, or that
    the actor holds the permission and is in its team."""
    own = OPPORTUNITY.reached(session, permission, on, row)
    actor = session.actor
    if reaches_everything(actor, permission) or permission.key not in actor.permissions:
        return own
    member: Any = Reference(OpportunityMember)
    in_team = (
        select(member.user_id)
        .where(session.within(member), member.opportunity_id == row.id, member.user_id == literal(actor.id))
        .correlate(row)
        .exists()
    )
    return or_(own, in_team)


def below(session: TenantSession, permission: Permission, on: date, row: Any) -> ColumnElement[bool]:
    """The condition that the opportunity of a row (`row.opportunity_id`) is reached."""
    above: Any = Reference(Opportunity)
    return (
        select(above.id)
        .where(session.within(above), above.id == row.opportunity_id, reached(session, permission, on, above))
        .correlate(row)
        .exists()
    )


async def opportunity_of(
    session: TenantSession, opportunity_id: UUID, permission: Permission = OPPORTUNITIES_VIEW, *, today: date
) -> Opportunity:
    """An opportunity in reach. Raises Forbidden, OpportunityNotFound."""
    require(session.actor, permission)
    found = await session.find(Opportunity, Opportunity.id == opportunity_id, reached(session, permission, today))
    if found is None:
        raise OpportunityNotFound
    return found


async def to_change(
    session: WriteSession,
    opportunity_id: UUID,
    *,
    today: date,
    expected_version: int | None = None,
    ended: bool = False,
) -> Opportunity:
    """An opportunity to change, locked: whoever changes it or anything of it waits. Its client is held first, as those
    do who merge or hand over clients. `ended`: also one that is not open any more.

    Raises Forbidden, OpportunityNotFound, SubjectMerged, OpportunityChanged, OpportunityEnded.
    """
    known = await opportunity_of(session, opportunity_id, OPPORTUNITIES_EDIT, today=today)
    client_id = known.client_id
    await held_client(session, client_id)
    found = await session.find(
        Opportunity, Opportunity.id == opportunity_id, reached(session, OPPORTUNITIES_EDIT, today), lock=True
    )
    if found is None:
        raise OpportunityNotFound
    if found.client_id != client_id or (expected_version is not None and found.version != expected_version):
        raise OpportunityChanged(title=found.title)
    if not ended:
        require_open(found)
    return found


def require_open(opportunity: Opportunity) -> None:
    """Raises OpportunityEnded."""
    if opportunity.outcome != Outcome.OPEN:
        raise OpportunityEnded(title=opportunity.title, outcome=title_of(Outcome, opportunity.outcome))


async def require_still_open(session: TenantSession, opportunity_id: UUID) -> None:
    """Raises OpportunityEnded; looks at what is committed by now, whatever this session has read before."""
    (found,) = await session.rows(
        select(Opportunity.title, Opportunity.outcome).where(
            session.within(Opportunity), Opportunity.id == opportunity_id
        )
    )
    if found.outcome != Outcome.OPEN:
        raise OpportunityEnded(title=found.title, outcome=title_of(Outcome, found.outcome))


async def part_to_change(
    session: WriteSession,
    table: type[T],
    row_id: UUID,
    missing: type[NotFound],
    *,
    today: date,
    expected_version: int | None = None,
    ended: bool = False,
) -> tuple[T, Opportunity]:
    """Something of an opportunity and the opportunity itself, both locked, as `to_change`. Raises `missing` too."""
    require(session.actor, OPPORTUNITIES_EDIT)
    columns: Any = table
    opportunity_id = await session.scalar(
        select(columns.opportunity_id).where(
            session.within(columns), columns.id == row_id, below(session, OPPORTUNITIES_EDIT, today, columns)
        )
    )
    if opportunity_id is None:
        raise missing
    opportunity = await to_change(session, opportunity_id, today=today, ended=ended)
    row: Any = await session.find(columns, columns.id == row_id, lock=True)
    if row is None:
        raise missing
    if expected_version is not None and row.version != expected_version:
        raise OpportunityChanged(title=getattr(row, "title", None) or opportunity.title)
    return row, opportunity


def responsible(opportunity: Opportunity, actor_id: UUID) -> UUID:
    """Who answers for an opportunity: its owner, or the actor while its client is in the public pool."""
    return opportunity.owner_id or actor_id


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values for the audit log, without what is empty."""
    return {name: value for name, value in values.items() if value is not None}
