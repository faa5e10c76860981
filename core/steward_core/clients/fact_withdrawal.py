"""Taking facts back: a further revision says that there is no such figure, or what it was before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from steward_core.clients.fact_errors import FactNotFound
from steward_core.clients.models import Client, ClientFact
from steward_core.clients.row_kinds import CLIENT
from steward_core.database.bulk import insert_many
from steward_core.permissions import FACTS_RECORD
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.people.rules import Unacceptable, line_of_text


@dataclass(frozen=True)
class FactsWithdrawn:
    """How many facts are no longer on record, how many have their former value again; `skipped` were changed since,
    or lie outside the actor's scope."""

    withdrawn: int
    restored: int
    skipped: int


@command("facts.withdraw", "撤回客户数据指标", "Withdraw a client fact", permission=FACTS_RECORD)
async def withdraw_fact(
    session: WriteSession, client_id: UUID, metric: str, period: date, *, source: str, reason: str, today: date
) -> None:
    """Say that there is no such figure: recorded for the wrong client, or by mistake. Raises InvalidInput,
    FactNotFound."""
    reason = _reason(reason)
    await take_turn(session, f"facts/{source}")
    fact = aliased(ClientFact)
    rows = await session.rows(
        select(*_columns(fact))
        .join(Client, Client.id == fact.client_id)
        .where(
            session.within(fact),
            session.within(Client),
            CLIENT.within_reach(session, FACTS_RECORD, today),
            fact.client_id == client_id,
            fact.metric == metric,
            fact.period == period,
            fact.source == source,
        )
        .order_by(fact.revision.desc())
        .limit(1)
    )
    if not rows or rows[0].withdrawn:
        raise FactNotFound
    await _write(session, rows, rows, withdrawn=[True], reason=reason)
    await record(
        session,
        "facts.withdraw",
        Subject("client", client_id),
        before={"value": rows[0].value, "metric": metric, "period": period, "source": source},
        reason=reason,
    )


@command("facts.withdraw_batch", "撤回一批客户数据指标", "Withdraw a batch of client facts", permission=FACTS_RECORD)
async def withdraw_batch(session: WriteSession, batch_id: UUID, *, reason: str, today: date) -> FactsWithdrawn:
    """Take back what one batch recorded: new facts are withdrawn, corrected ones get their former value. What was
    changed since stays. Again changes nothing. Raises InvalidInput."""
    reason = _reason(reason)
    fact = aliased(ClientFact)
    sources = await session.scalars(
        select(fact.source).where(session.within(fact), fact.batch_id == batch_id).distinct().order_by(fact.source)
    )
    for source in sources:
        await take_turn(session, f"facts/{source}")
    one = (fact.metric, fact.period, fact.client_id, fact.source)
    known = select(*one).where(session.within(fact), fact.batch_id == batch_id).distinct().subquery()
    total = await session.scalar(select(func.count()).select_from(known))
    ours = await _still_in_force(session, batch_id, today)
    former = await _former(session, batch_id)
    before = [former.get(_key(row), row) for row in ours]
    gone = [row is last or last.withdrawn for row, last in zip(ours, before, strict=True)]
    await _write(session, ours, before, withdrawn=gone, reason=reason)
    done = FactsWithdrawn(sum(gone), len(gone) - sum(gone), total - len(ours))
    await record(
        session,
        "facts.withdraw_batch",
        Subject("fact_batch", batch_id),
        after={"withdrawn": done.withdrawn, "restored": done.restored, "skipped": done.skipped},
        reason=reason,
    )
    return done


def _reason(reason: str) -> str:
    try:
        return line_of_text(reason, 200)
    except Unacceptable as refused:
        raise InvalidInput(problems=[FieldProblem(("reason",), refused.code, refused.message)]) from None


def _columns(fact: Any) -> tuple[Any, ...]:
    return (
        fact.metric,
        fact.period,
        fact.client_id,
        fact.source,
        fact.revision,
        fact.grain,
        fact.value,
        fact.booked_on,
        fact.withdrawn,
    )


def _key(row: Row[*tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(row[:4])


async def _still_in_force(session: WriteSession, batch_id: UUID, today: date) -> Sequence[Row[*tuple[Any, ...]]]:
    """The batch's rows that no later revision follows, of clients within reach."""
    fact, later = aliased(ClientFact), aliased(ClientFact)
    same = (getattr(later, name) == getattr(fact, name) for name in ("metric", "period", "client_id", "source"))
    followed = select(later.revision).where(session.within(later), *same, later.revision > fact.revision).exists()
    return await session.rows(
        select(*_columns(fact))
        .join(Client, Client.id == fact.client_id)
        .where(
            session.within(fact),
            session.within(Client),
            CLIENT.within_reach(session, FACTS_RECORD, today),
            fact.batch_id == batch_id,
            ~followed,
        )
    )


async def _former(session: WriteSession, batch_id: UUID) -> dict[tuple[Any, ...], Row[*tuple[Any, ...]]]:
    """What each fact of the batch was before it: the latest revision below the batch's own that is not of the batch."""
    fact, former = aliased(ClientFact), aliased(ClientFact)
    key = (former.metric, former.period, former.client_id, former.source)
    same = (getattr(former, name) == getattr(fact, name) for name in ("metric", "period", "client_id", "source"))
    rows = await session.rows(
        select(*_columns(former))
        .ext(distinct_on(*key))
        .join(fact, and_(*same, former.revision < fact.revision))
        .where(
            session.within(fact),
            session.within(former),
            fact.batch_id == batch_id,
            former.batch_id.is_distinct_from(batch_id),
        )
        .order_by(*key, former.revision.desc())
    )
    return {_key(row): row for row in rows}


async def _write(
    session: WriteSession, rows: Sequence[Any], figures: Sequence[Any], *, withdrawn: Sequence[bool], reason: str
) -> None:
    await insert_many(
        session,
        ClientFact,
        {
            **{name: [getattr(row, name) for row in rows] for name in ("metric", "period", "client_id", "source")},
            "revision": [row.revision + 1 for row in rows],
            "grain": [row.grain for row in rows],
            "value": [figure.value for figure in figures],
            "booked_on": [figure.booked_on for figure in figures],
            "withdrawn": list(withdrawn),
            "reason": [reason] * len(rows),
            "recorded_by": [session.actor.id] * len(rows),
        },
    )
