"""Looking at gradings: which there are, how their results are distributed, and each client's with its reasons.

Everybody sees the results of the clients in their own scope, and distributions over those alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import zip_longest
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, case, func, inspect, select
from sqlalchemy import cast as sql_cast

from steward_core.clients.models import Client
from steward_core.clients.row_kinds import CLIENT
from steward_core.forms.models import FormRecord
from steward_core.gradings.models import Grading, GradingStatus
from steward_core.gradings.reach import grading_seen, of_own_units, seen_by
from steward_core.permissions import GRADINGS_VIEW
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

LARGEST_PAGE = 200


class Change(StrEnum):
    """How a client's stars compare with the period before; `new`: it had none."""

    RISEN = "risen"
    FALLEN = "fallen"
    SAME = "same"
    NEW = "new"


@dataclass(frozen=True)
class ResultQuery:
    """Which results, and which page: `size` from the one after the record `after`, in the order of ranks."""

    stars: frozenset[int] = frozenset()
    lowest_grade: int | None = None
    highest_grade: int | None = None
    changes: frozenset[Change] = frozenset()
    owner_id: UUID | None = None
    client_id: UUID | None = None
    size: int = 50
    after: UUID | None = None


@dataclass(frozen=True)
class ResultLine:
    """One client's result. `score` in hundredths of a point; `document` holds the inputs and points."""

    record_id: UUID
    client_id: UUID
    client_name: str
    client_code: str | None
    state: str
    score: int
    star: int
    grade: int
    rank: int
    tier: str | None
    previous_score: int | None
    previous_star: int | None
    previous_grade: int | None
    previous_rank: int | None
    change: Change
    reasons: tuple[Bilingual, ...]
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Distribution:
    """How many clients have which star and grade, and how many went from which star to which."""

    clients: int
    stars: Mapping[int, int]
    grades: Mapping[int, int]
    changes: Mapping[Change, int]
    moves: Mapping[tuple[int, int], int]


@dataclass(frozen=True)
class Preview:
    """A grading as the actor may see it. `next_after` None: the last page."""

    grading: Grading
    distribution: Distribution
    results: tuple[ResultLine, ...]
    next_after: UUID | None


def _number(name: str) -> Any:
    return sql_cast(FormRecord.document[name].astext, BigInteger)


STAR, GRADE, PREVIOUS_STAR = _number("star"), _number("grade"), _number("previous_star")
_CHANGES: Mapping[Change, ColumnElement[bool]] = {
    Change.RISEN: STAR > PREVIOUS_STAR,
    Change.FALLEN: STAR < PREVIOUS_STAR,
    Change.SAME: STAR == PREVIOUS_STAR,
    Change.NEW: PREVIOUS_STAR.is_(None),
}


async def gradings(
    session: TenantSession,
    *,
    today: date,
    scheme: str | None = None,
    unit_id: UUID | None = None,
    period: str | None = None,
    status: GradingStatus | None = None,
    limit: int = 50,
) -> list[Grading]:
    """Gradings of units in the actor's scope, or with results of clients in it (those without `counts`, which tell of
    all); the latest first. Raises Forbidden."""
    require(session.actor, GRADINGS_VIEW)
    whole = case((of_own_units(session, GRADINGS_VIEW, today), True), else_=False)
    statement = select(Grading, whole).where(session.within(Grading), seen_by(session, GRADINGS_VIEW, today))
    wanted = {"scheme": scheme, "unit_id": unit_id, "period": period, "status": status}
    for name, value in wanted.items():
        if value is not None:
            statement = statement.where(getattr(Grading, name) == value)
    statement = statement.order_by(Grading.period_start.desc(), Grading.requested_at.desc(), Grading.id.desc())
    rows = await session.rows(statement.limit(min(max(limit, 1), LARGEST_PAGE)))
    return [grading if all_of_it else _without_counts(grading) for grading, all_of_it in rows]


def _without_counts(grading: Grading) -> Grading:
    """A copy, outside of the session, for who sees some of a grading's results: `counts` tell of all of them."""
    values = {attribute.key: getattr(grading, attribute.key) for attribute in inspect(Grading).column_attrs}
    return Grading(**{**values, "counts": {}})


async def preview(
    session: TenantSession, grading_id: UUID, query: ResultQuery | None = None, *, today: date
) -> Preview:
    """A grading, previewed or bound: its distribution and one page of results, of the clients in the actor's scope.

    The distribution is of all of them, the page of those that the query asks for. Raises Forbidden, GradingNotFound,
    InvalidInput.
    """
    query = query or ResultQuery()
    if not 1 <= query.size <= LARGEST_PAGE:
        raise invalid("size", "range", f"每页 1 到 {LARGEST_PAGE} 条。", f"A page has 1 to {LARGEST_PAGE} rows.")
    grading = await grading_seen(session, grading_id, GRADINGS_VIEW, today)
    distribution = await _distribution(session, grading, today)
    rows = await session.rows(_page(session, grading, query, today))
    more = len(rows) > query.size
    lines = tuple(_line(tuple(row)) for row in rows[: query.size])
    if not await session.find(Grading, Grading.id == grading.id, of_own_units(session, GRADINGS_VIEW, today)):
        grading = _without_counts(grading)
    return Preview(grading, distribution, lines, lines[-1].record_id if more else None)


async def results_of_client(
    session: TenantSession, client_id: UUID, *, today: date, limit: int = 20
) -> list[ResultLine]:
    """A client's bound results, the latest period first. Raises Forbidden."""
    require(session.actor, GRADINGS_VIEW)
    rows = await session.rows(
        _results(session, today)
        .join(Grading, (Grading.id == FormRecord.batch_id) & session.within(Grading))
        .where(FormRecord.client_id == client_id, Grading.status == GradingStatus.BOUND)
        .order_by(Grading.period_start.desc(), FormRecord.id)
        .limit(min(max(limit, 1), LARGEST_PAGE))
    )
    return [_line(tuple(row)) for row in rows]


def _results(session: TenantSession, today: date) -> Select[Any]:
    return (
        select(FormRecord.id, FormRecord.client_id, Client.name, Client.code, FormRecord.state, FormRecord.document)
        .join(Client, (Client.id == FormRecord.client_id) & session.within(Client))
        .where(session.within(FormRecord), CLIENT.within_reach(session, GRADINGS_VIEW, today))
    )


def _page(session: TenantSession, grading: Grading, query: ResultQuery, today: date) -> Select[Any]:
    statement = _results(session, today).where(FormRecord.batch_id == grading.id)
    if query.stars:
        statement = statement.where(STAR.in_(sorted(query.stars)))
    if query.lowest_grade is not None:
        statement = statement.where(query.lowest_grade <= GRADE)
    if query.highest_grade is not None:
        statement = statement.where(query.highest_grade >= GRADE)
    if query.changes:
        wanted = [_CHANGES[change] for change in sorted(query.changes)]
        statement = statement.where(wanted[0].self_group() if len(wanted) == 1 else _any(wanted))
    if query.owner_id is not None:
        statement = statement.where(Client.owner_id == query.owner_id)
    if query.client_id is not None:
        statement = statement.where(FormRecord.client_id == query.client_id)
    if query.after is not None:
        statement = statement.where(FormRecord.id > query.after)
    return statement.order_by(FormRecord.id).limit(query.size + 1)


def _any(conditions: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    together = conditions[0]
    for condition in conditions[1:]:
        together = together | condition
    return together


async def _distribution(session: TenantSession, grading: Grading, today: date) -> Distribution:
    rows = await session.rows(
        select(STAR, PREVIOUS_STAR, GRADE, func.count())
        .join(Client, (Client.id == FormRecord.client_id) & session.within(Client))
        .where(
            session.within(FormRecord),
            FormRecord.batch_id == grading.id,
            CLIENT.within_reach(session, GRADINGS_VIEW, today),
        )
        .group_by(STAR, PREVIOUS_STAR, GRADE)
    )
    stars: Counter[int] = Counter()
    grades: Counter[int] = Counter()
    changes: Counter[Change] = Counter()
    moves: Counter[tuple[int, int]] = Counter()
    for star, before, grade, count in rows:
        stars[star] += count
        grades[grade] += count
        changes[change_of(star, before)] += count
        if before is not None:
            moves[before, star] += count
    return Distribution(stars.total(), dict(stars), dict(grades), dict(changes), dict(moves))


def change_of(star: int, before: int | None) -> Change:
    """How a star compares with the one before."""
    if before is None:
        return Change.NEW
    if star == before:
        return Change.SAME
    return Change.RISEN if star > before else Change.FALLEN


def _line(row: tuple[Any, ...]) -> ResultLine:
    record_id, client_id, name, code, state, document = row
    previous = document.get("previous_star")
    pairs = zip_longest(
        (document.get("reasons_zh") or "").split("\n"), (document.get("reasons_en") or "").split("\n"), fillvalue=""
    )
    return ResultLine(
        record_id=record_id,
        client_id=client_id,
        client_name=name,
        client_code=code,
        state=state,
        score=document["score"],
        star=document["star"],
        grade=document["grade"],
        rank=document["rank"],
        tier=document.get("tier"),
        previous_score=document.get("previous_score"),
        previous_star=previous,
        previous_grade=document.get("previous_grade"),
        previous_rank=document.get("previous_rank"),
        change=change_of(document["star"], previous),
        reasons=tuple(Bilingual(zh, en) for zh, en in pairs if zh or en),
        document=document,
    )
