"""Binding a grading: its results count, and set the clients' tiers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client, ClientChange, ClientStatus
from steward_core.database.bulk import insert_many, update_many
from steward_core.forms.models import FormRecord
from steward_core.gradings.errors import (
    GradingNotOpen,
    GradingOutdated,
    GradingOverlaps,
    OwnGrading,
    PeriodNotOver,
)
from steward_core.gradings.form import BOUND
from steward_core.gradings.models import Grading, GradingStatus
from steward_core.gradings.reach import grading_held
from steward_core.gradings.records import bind_records, supersede_records
from steward_core.gradings.schemes import form_key, scheme_here
from steward_core.gradings.service import LIVE, revisions
from steward_core.gradings.settings import TWO_PEOPLE
from steward_core.permissions import GRADINGS_BIND
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid

LONGEST_REASON = 1000
SOURCE = "grading"


def clean_reason(reason: str) -> str:
    """A reason as it is kept. Raises InvalidInput."""
    text = reason.strip()
    if not 1 <= len(text) <= LONGEST_REASON:
        raise invalid(
            "reason",
            "length",
            f"请填写原因（1 到 {LONGEST_REASON} 个字符）。",
            f"Give a reason of 1 to {LONGEST_REASON} characters.",
        )
    return text


@command("gradings.bind", "评级生效", "Bind a grading", permission=GRADINGS_BIND)
async def bind(session: WriteSession, grading_id: UUID, reason: str, *, today: date) -> Grading:
    """Have a previewed grading count: records become bound, filters find them, clients get their tiers with a change
    of source `grading`; the former revision is superseded.

    Tiers stay where a later period is bound already, and of clients closed or merged since. Raises GradingNotFound,
    GradingNotOpen, GradingOutdated, GradingOverlaps, PeriodNotOver, OwnGrading, SchemeNotFound, InvalidInput.
    """
    grading = await grading_held(session, grading_id, GRADINGS_BIND, today)
    reason = clean_reason(reason)
    if grading.status != GradingStatus.PREVIEW:
        raise GradingNotOpen(status=grading.status)
    if grading.period_end > today:
        raise PeriodNotOver(period=grading.period, end=grading.period_end)
    if grading.requested_by == session.actor.id and await get_setting(session, TWO_PEOPLE):
        raise OwnGrading
    known = await revisions(session, grading.scheme, grading.unit_id, grading.period)
    if later := [one for one in known if one.revision > grading.revision and one.status in LIVE]:
        raise GradingOutdated(revision=later[0].revision)
    scheme, _ = await scheme_here(session, grading.scheme)
    await take_turn(session, f"grading/{grading.scheme}")  # units may overlap, and the tiers have one latest period
    full_key = form_key(grading.scheme, scheme)
    former = [
        one for one in known if one.id != grading.id and one.status in (GradingStatus.BOUND, GradingStatus.PREVIEW)
    ]
    await _keep_one_a_period(session, grading, full_key, [one.id for one in known])
    await supersede_records(session, [one.id for one in former])
    for one in former:
        one.status = GradingStatus.SUPERSEDED
    await bind_records(session, grading, full_key, scheme.form)
    changed = await _set_tiers(session, grading, reason)
    grading.status, grading.reason = GradingStatus.BOUND, reason
    grading.bound_by, grading.bound_at = session.actor.id, datetime.now(UTC)
    await record(
        session,
        "gradings.bind",
        Subject("grading", grading.id),
        before={"status": GradingStatus.PREVIEW.value},
        after={
            "status": GradingStatus.BOUND.value,
            "superseded": [str(one.id) for one in former],
            "tiers_changed": changed,
        },
        reason=reason,
    )
    return grading


async def _keep_one_a_period(session: WriteSession, grading: Grading, full_key: str, own: list[UUID]) -> None:
    """Refuse when clients have a bound result of the period from the grading of another unit."""
    mine, other = aliased(FormRecord), aliased(FormRecord)
    count = await session.scalar(
        select(func.count())
        .select_from(mine)
        .join(
            other,
            (other.subject_id == mine.subject_id)
            & (other.form == full_key)
            & (other.slot == grading.period)
            & session.within(other),
        )
        .where(session.within(mine), mine.batch_id == grading.id, other.batch_id.not_in(own))
    )
    if count:
        raise GradingOverlaps(clients=count, period=grading.period)


async def _set_tiers(session: WriteSession, grading: Grading, reason: str) -> int:
    later = await session.scalar(
        select(func.count()).where(
            session.within(Grading),
            Grading.scheme == grading.scheme,
            Grading.unit_id == grading.unit_id,
            Grading.status == GradingStatus.BOUND,
            Grading.period_start > grading.period_start,
        )
    )
    if later:
        return 0
    tier: Any = FormRecord.document["tier"].astext
    rows = await session.rows(
        select(Client.id, Client.tier, tier)
        .join(FormRecord, (FormRecord.client_id == Client.id) & session.within(FormRecord))
        .where(
            session.within(Client),
            FormRecord.batch_id == grading.id,
            FormRecord.state == BOUND.key,
            tier.is_not(None),
            Client.status.not_in((ClientStatus.CLOSED, ClientStatus.MERGED)),
            Client.tier.is_distinct_from(tier),
        )
        .order_by(Client.id)
        .with_for_update(of=Client)
    )
    clients, before, after = ([row[place] for row in rows] for place in range(3))
    await insert_many(
        session,
        ClientChange,
        {
            "id": [new_id() for _ in rows],
            "client_id": clients,
            "field": ["tier"] * len(rows),
            "before": before,
            "after": after,
            "reason": [reason] * len(rows),
            "source": [SOURCE] * len(rows),
            "source_id": [grading.id] * len(rows),
            "changed_by": [session.actor.id] * len(rows),
        },
    )
    version = Client.__table__.c.version
    also = {"version": version + 1, "updated_at": func.now()}
    return await update_many(session, Client, {"id": clients}, {"tier": after}, also=also)
