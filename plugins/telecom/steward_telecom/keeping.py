"""Clients and agreements kept: retention and renewals."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Subquery, Text, and_, exists, func, literal, select, union_all
from sqlalchemy.orm import aliased

from steward_core.clients.models import (
    Client,
    ClientChange,
    ClientOwnership,
    ClientStatus,
    Contract,
    ContractStatus,
)
from steward_core.database.context import QueryContext
from steward_core.forms.declared_queries import record_fields
from steward_core.industry.declarations import Indicator, Period
from steward_core.performance.evidence import evidence_row
from steward_telecom.choices import RenewalState
from steward_telecom.keys import VPN_GROUP
from steward_telecom.periods import day_of, held_on, last_day, rate, within
from steward_tenants.texts import Bilingual

IN_USE = (ClientStatus.ACTIVE.value, ClientStatus.DORMANT.value)


def _status_before(ctx: QueryContext, day: date) -> ColumnElement[Any]:
    """A client's status at the beginning of a day, by its recorded changes."""
    moment = datetime.combine(day, time(), UTC)
    earlier, later = aliased(ClientChange), aliased(ClientChange)
    last = (
        select(earlier.after)
        .where(
            ctx.within(earlier),
            earlier.client_id == Client.id,
            earlier.field == "status",
            earlier.changed_at < moment,
        )
        .order_by(earlier.changed_at.desc(), earlier.id.desc())
        .limit(1)
        .correlate(Client)
        .scalar_subquery()
    )
    following = (
        select(later.before)
        .where(ctx.within(later), later.client_id == Client.id, later.field == "status", later.changed_at >= moment)
        .order_by(later.changed_at, later.id)
        .limit(1)
        .correlate(Client)
        .scalar_subquery()
    )
    return func.coalesce(last, following, Client.status)


def _stands(ctx: QueryContext, period: Period) -> Subquery:
    """Clients that somebody owned when the period began: owner_id, client_id, their status before it and after."""
    held = aliased(ClientOwnership)
    return (
        select(
            held.owner_id,
            Client.id.label("client_id"),
            _status_before(ctx, period.start).label("before"),
            _status_before(ctx, period.end).label("after"),
        )
        .select_from(Client)
        .join(held, held_on(ctx, held, Client.id, day_of(period.start)))
        .where(ctx.within(Client), Client.status != ClientStatus.MERGED)
        .subquery("stands")
    )


def retention_rate(ctx: QueryContext, period: Period) -> Select[Any]:
    """Of the clients in use whom somebody owned when the period began, those that were not closed by its end."""
    stands = _stands(ctx, period)
    kept = func.count().filter(stands.c.after != ClientStatus.CLOSED.value)
    return (
        select(*rate(stands.c.owner_id, kept, func.count()))
        .where(stands.c.before.in_(IN_USE))
        .group_by(stands.c.owner_id)
    )


def _retained(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The clients, and what became of them."""
    rows = _stands(ctx, period)
    client, last = rows.c.client_id, last_day(period)
    kept = rows.c.after != ClientStatus.CLOSED.value
    columns = evidence_row("client", client, client, last, kept, before=rows.c.before, after=rows.c.after)
    return select(*columns).where(rows.c.owner_id == owner_id, rows.c.before.in_(IN_USE))


def _ended(ctx: QueryContext, period: Period) -> Subquery:
    """Contracts and VPN agreements that end in the period, with who owned the client on that day: owner_id, kind, id,
    client_id, day, renewed."""
    following = aliased(Contract)
    renewed = exists(
        select(following.id).where(
            ctx.within(following),
            following.renews_id == Contract.id,
            following.status != ContractStatus.DRAFT.value,
        )
    )
    contracts = select(
        literal("contract", Text()).label("kind"),
        Contract.id,
        Contract.client_id,
        Contract.end_on.label("day"),
        renewed.label("renewed"),
    ).where(ctx.within(Contract), Contract.status != ContractStatus.DRAFT.value, within(Contract.end_on, period))
    group = record_fields(ctx, VPN_GROUP, "agreement_end", "previous_agreement_end", "renewal_state")
    record = literal("record", Text())
    ending = select(
        record,
        group.c.record_id,
        group.c.client_id,
        group.c.agreement_end,
        and_(
            func.coalesce(group.c.renewal_state, "") == RenewalState.RENEWED.value,
            group.c.previous_agreement_end.is_(None),  # else it tells of the agreement before
        ),
    ).where(within(group.c.agreement_end, period))
    followed = select(
        record, group.c.record_id, group.c.client_id, group.c.previous_agreement_end, literal(True)
    ).where(within(group.c.previous_agreement_end, period))
    ended = union_all(contracts, ending, followed).subquery("ended")
    held = aliased(ClientOwnership)
    return select(held.owner_id, ended).join(held, held_on(ctx, held, ended.c.client_id, ended.c.day)).subquery()


def renewal_rate(ctx: QueryContext, period: Period) -> Select[Any]:
    """Of the contracts and VPN agreements that end in the period, those that were renewed: a contract by its
    successor, an agreement by its renewal state or by the new agreement that stands in its place."""
    ended = _ended(ctx, period)
    return select(*rate(ended.c.owner_id, func.count().filter(ended.c.renewed), func.count())).group_by(
        ended.c.owner_id
    )


def _renewed(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The contracts, and the records of the agreements."""
    rows = _ended(ctx, period)
    columns = evidence_row(rows.c.kind, rows.c.id, rows.c.client_id, rows.c.day, rows.c.renewed)
    return select(*columns).where(rows.c.owner_id == owner_id)


KEEPING_INDICATORS = (
    Indicator("retention_rate", Bilingual("客户保有率", "Retention rate"), "%", retention_rate, evidence=_retained),
    Indicator("renewal_rate", Bilingual("续约率", "Renewal rate"), "%", renewal_rate, evidence=_renewed),
)
