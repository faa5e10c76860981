"""Working a month's scores out: who is scored, one statement for each source of indicators, then the scores.

A run does it chunk by chunk. Its rows are `computing` until a manager's score is there, and take the place of the
preview before them in the same transaction: whoever looks sees the one or the other, whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from steward_core.clients.models import ClientOwnership
from steward_core.database.bulk import insert_many, update_many
from steward_core.database.context import QueryContext
from steward_core.industry.containment import contained
from steward_core.industry.declarations import Period
from steward_core.industry.evaluation import Declared, indicator_figures, indicators
from steward_core.industry.registry import CORE_INDICATORS, full_key
from steward_core.notifications.service import Message, notify_many
from steward_core.performance.floor import FINAL
from steward_core.performance.indicators import SCANS, Scan
from steward_core.performance.models import MonthIndicator, MonthScore, ScoreScheme, ScoreStatus
from steward_core.performance.rules import RULE_VERSION, readings_of, rules_of
from steward_core.performance.scheme_versions import scheme_for
from steward_core.performance.schemes import Scheme, read_scheme
from steward_core.permissions import SCORES_RUN
from steward_core.plans.models import VisitPlan
from steward_core.runs.chunks import size_of
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, declare_run_kind
from steward_core.visits.actions import month_of
from steward_tenants.access.queries import units_below
from steward_tenants.audit.service import Subject
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual

PREFIX = "core"
TURN = "performance/scores"
AT_ONCE = 2_000
"""Scores of a chunk, usually."""
SORT_MEMORY = "192MB"
"""What one step of an indicator may hold before it goes to disk; for this transaction only."""


@dataclass(frozen=True)
class Work:
    """What is worked out: a month, as seen on a day, of a unit and all below it or of all. `reason`: managers with a
    final score get a further revision; without one they are left alone."""

    month: Period
    today: date
    run_id: UUID
    unit_id: UUID | None = None
    reason: str | None = None

    @property
    def turn(self) -> str:
        """Chunks on one month wait for each other."""
        return f"{TURN}/{self.month.name}"


@dataclass(frozen=True)
class Step:
    """One source of indicators: a scan of the core's own, or a single indicator."""

    name: str
    scan: Scan | None
    indicators: Mapping[str, Declared]


async def advance(session: WriteSession, run: Run, tools: RunTools) -> bool:  # noqa: ARG001 - a run kind's signature
    """The next chunk of `performance.scores`: first who is scored, then one source of indicators each, then scores.

    Parameters: `month` (its first day) and, where wanted, `today`, `unit`, `reason`.
    """
    work = _work(run)
    await take_turn(session, work.turn)
    if "sources" not in run.position:
        managers = await begin(session, work)
        run.total, run.done = managers, 0
        run.position, run.counts = {"sources": []}, {"managers": managers}
        return managers == 0
    done: list[str] = run.position["sources"]
    step = next((one for one in await steps(session) if one.name not in done), None)
    if step is not None:
        faults = await take_in(session, work, step)
        run.position = {"sources": [*done, step.name]}
        run.counts = {**run.counts, "faults": run.counts.get("faults", 0) + faults}
        return False
    scored = await score_some(session, work, size_of(run, AT_ONCE))
    run.done += scored
    run.counts = {**run.counts, "scored": run.done}
    return scored == 0


SCORES = declare_run_kind("performance.scores", "月度得分", "Scores of a month", SCORES_RUN, advance)


def _work(run: Run) -> Work:
    given = run.parameters
    month = month_of(date.fromisoformat(given["month"]))
    today, unit = given.get("today"), given.get("unit")
    return Work(
        month,
        date.fromisoformat(today) if today else month.end - timedelta(days=1),
        run.id,
        UUID(unit) if unit else None,
        given.get("reason"),
    )


async def work_out(
    session: WriteSession,
    month: Period,
    *,
    today: date,
    unit_id: UUID | None = None,
    reason: str | None = None,
) -> int:
    """All of it in this transaction; answers how many scores there are as previews now. The caller sees to who may."""
    work = Work(month, today, new_id(), unit_id, reason)
    await take_turn(session, work.turn)
    await begin(session, work)
    for step in await steps(session):
        await take_in(session, work, step)
    scored = 0
    while some := await score_some(session, work, AT_ONCE):
        scored += some
    return scored


async def begin(session: WriteSession, work: Work) -> int:
    """Put up an empty score for each manager: who owned a client on a day of the month, or had a plan of it. Answers
    how many there are."""
    scheme, _ = await scheme_for(session, work.month.start)
    known = aliased(MonthScore)
    mine = (session.within(known), known.owner_id == User.id, known.month == work.month.start)
    last = select(func.coalesce(func.max(known.revision), 0)).where(*mine).correlate(User).scalar_subquery()
    final = select(known.id).where(*mine, known.status == ScoreStatus.FINAL.value).correlate(User).exists()
    wanted = [session.within(User), User.id.in_(_managers(session, work.month))]
    if work.unit_id is not None:
        wanted.append(User.unit_id.in_(units_below(session, work.unit_id, work.today)))
    if work.reason is None:
        wanted.append(~final)
    await session.execute(
        delete(MonthScore)
        .where(
            session.within(MonthScore),
            MonthScore.month == work.month.start,
            MonthScore.status == ScoreStatus.COMPUTING.value,
            MonthScore.owner_id.in_(select(User.id).where(*wanted)),
        )
        .execution_options(synchronize_session=False)
    )
    values: Mapping[str, Any] = {
        "tenant_id": User.tenant_id,
        "id": func.uuidv7(),
        "owner_id": User.id,
        "unit_id": User.unit_id,
        "month": literal(work.month.start, Date()),
        "revision": last + 1,
        "status": literal(ScoreStatus.COMPUTING.value, Text()),
        "scheme_id": literal(scheme.id, Uuid()),
        "rule_version": literal(RULE_VERSION),
        "reason": case((final, literal(work.reason, Text()))),
        "run_id": literal(work.run_id, Uuid()),
    }
    rows = select(*(value.label(name) for name, value in values.items())).where(*wanted)
    result: Any = await session.execute(
        insert(MonthScore)
        .from_select(list(values), rows, include_defaults=False)
        .execution_options(preserve_rowcount=True)
    )
    return int(result.rowcount)


def _managers(session: TenantSession, month: Period) -> Select[Any]:
    held, plan = aliased(ClientOwnership), aliased(VisitPlan)
    owned = select(held.owner_id).where(
        session.within(held),
        held.owner_id.is_not(None),
        held.valid_from < literal(month.end, Date()),
        held.valid_until > literal(month.start, Date()),
    )
    planned = select(plan.owner_id).where(session.within(plan), plan.month == literal(month.start, Date()))
    both = owned.union(planned).subquery("managers")
    return select(both.c.owner_id)


async def steps(session: TenantSession) -> list[Step]:
    """The sources of the indicators that are on here."""
    known = dict(await indicators(session))
    found = []
    for scan in SCANS:
        keys = [full_key(PREFIX, key) for key in scan.keys]
        found.append(Step(f"scan:{scan.keys[0]}", scan, {key: known.pop(key) for key in keys}))
    return [*found, *(Step(key, None, {key: one}) for key, one in known.items())]


async def take_in(session: WriteSession, work: Work, step: Step) -> int:
    """Store what one source says of every manager that is scored; answers how many of its indicators failed."""
    await session.execute(select(func.set_config("work_mem", SORT_MEMORY, True)))
    scored = await session.rows(
        select(MonthScore.owner_id, MonthScore.id, MonthScore.unit_id).where(
            session.within(MonthScore), MonthScore.run_id == work.run_id
        )
    )
    faults = 0
    async for key, figures in _read(session, work, step):
        if figures is None:
            faults += 1
            continue
        await _store(session, work, step.indicators[key], figures, scored)
    return faults


async def _read(session: WriteSession, work: Work, step: Step) -> AsyncIterator[tuple[str, Sequence[Any] | None]]:
    """Each indicator of a source with its figures; None: it failed."""
    if step.scan is not None:
        settings = next(iter(step.indicators.values())).settings
        rows = await session.rows(step.scan.rows(QueryContext(session, work.today, settings), work.month))
        for place, key in enumerate(step.indicators):
            yield key, [(row[0], *row[1 + 3 * place : 4 + 3 * place]) for row in rows]
        return
    for key, one in step.indicators.items():
        run = partial(_figures, session, one, work)
        if one.plugin in CORE_INDICATORS:
            yield key, await run()
        else:
            yield key, (await contained(session, one.plugin, f"indicator:{one.what.key}", run)).value


async def _figures(session: WriteSession, one: Declared, work: Work) -> Sequence[Any]:
    return await session.rows(indicator_figures(session, one, work.month, work.today))


async def _store(
    session: WriteSession, work: Work, one: Declared, figures: Sequence[Any], scored: Sequence[Any]
) -> None:
    """Write one indicator of every manager that is scored, also of those of whom it says nothing."""
    by_owner = {row[0]: row[1:] for row in figures}
    none = (one.what.none, one.what.none, None)
    found = [by_owner.get(row.owner_id, none) for row in scored]
    await insert_many(
        session,
        MonthIndicator,
        {
            "id": [new_id() for _ in scored],
            "score_id": [row.id for row in scored],
            "owner_id": [row.owner_id for row in scored],
            "unit_id": [row.unit_id for row in scored],
            "month": [work.month.start] * len(scored),
            "indicator": [one.key] * len(scored),
            "measure": [one.what.measure] * len(scored),
            "value": [_decimal(figure[0]) for figure in found],
            "numerator": [_decimal(figure[1]) for figure in found],
            "denominator": [_decimal(figure[2]) for figure in found],
        },
    )


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


async def score_some(session: WriteSession, work: Work, size: int) -> int:
    """Score the next managers and put their scores in the place of the previews before; answers how many."""
    waiting = list(
        await session.rows(
            select(MonthScore.id, MonthScore.owner_id, MonthScore.scheme_id, MonthScore.rule_version)
            .where(
                session.within(MonthScore),
                MonthScore.run_id == work.run_id,
                MonthScore.status == ScoreStatus.COMPUTING.value,
            )
            .order_by(MonthScore.id)
            .limit(size)
            .with_for_update()
        )
    )
    if not waiting:
        return 0
    ids = [row.id for row in waiting]
    schemes = await schemes_of(session, {row.scheme_id for row in waiting})
    readings = await readings_by_score(session, ids)
    results = [
        rules_of(row.rule_version)(schemes[row.scheme_id], readings_of(readings.get(row.id, ()))) for row in waiting
    ]
    await session.execute(
        delete(MonthScore)
        .where(
            session.within(MonthScore),
            MonthScore.month == work.month.start,
            MonthScore.status == ScoreStatus.PREVIEW.value,
            MonthScore.owner_id == any_(_ids([row.owner_id for row in waiting])),
        )
        .execution_options(synchronize_session=False)
    )
    await update_many(
        session,
        MonthScore,
        {"id": ids},
        {"score": [result.score for result in results], "lines": [result.as_json() for result in results]},
        also={"status": ScoreStatus.PREVIEW.value, "current": ~_has_current(session)},
    )
    return len(waiting)


def _ids(ids: Sequence[UUID]) -> ColumnElement[Any]:
    return bindparam(None, list(ids), type_=ARRAY(Uuid()), unique=True)


def _has_current(session: TenantSession) -> ColumnElement[bool]:
    """The condition that a manager's month has a score that counts: a final one, since previews are gone by then."""
    counts = aliased(MonthScore)
    same = (counts.owner_id == MonthScore.owner_id, counts.month == MonthScore.month)
    return select(counts.id).where(session.within(counts), *same, counts.current).correlate(MonthScore).exists()


async def schemes_of(session: TenantSession, scheme_ids: Collection[UUID]) -> dict[UUID, Scheme]:
    """Schemes by id."""
    rows = await session.rows(
        select(ScoreScheme.id, ScoreScheme.items).where(
            session.within(ScoreScheme), ScoreScheme.id == any_(_ids(list(scheme_ids)))
        )
    )
    return {row.id: read_scheme(row.items) for row in rows}


Stored = tuple[str, Decimal | None, Decimal | None, Decimal | None]


async def readings_by_score(session: TenantSession, score_ids: Sequence[UUID]) -> dict[UUID, list[Stored]]:
    """The stored indicators of scores."""
    rows = await session.rows(
        select(
            MonthIndicator.score_id,
            MonthIndicator.indicator,
            MonthIndicator.value,
            MonthIndicator.numerator,
            MonthIndicator.denominator,
        ).where(session.within(MonthIndicator), MonthIndicator.score_id == any_(_ids(score_ids)))
    )
    found: dict[UUID, list[Stored]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(tuple(row[1:]))
    return found


async def make_final(
    session: WriteSession, month: Period, *, unit_id: UUID | None = None, today: date | None = None
) -> int:
    """Make the previews of a month final, of a unit and all below it (on `today`) or of all; answers how many. A final
    score that they revise stays, and counts no more. The caller sees to who may."""
    await take_turn(session, f"{TURN}/{month.name}")
    wanted = [
        session.within(MonthScore),
        MonthScore.month == month.start,
        MonthScore.status == ScoreStatus.PREVIEW.value,
    ]
    if unit_id is not None:
        wanted.append(MonthScore.unit_id.in_(units_below(session, unit_id, today)))
    rows = await session.rows(select(MonthScore.id, MonthScore.owner_id, MonthScore.score).where(*wanted))
    owners, ids = [row.owner_id for row in rows], [row.id for row in rows]
    before = (session.within(MonthScore), MonthScore.month == month.start, MonthScore.current.is_(True))
    for conditions, values in (
        ((*before, MonthScore.owner_id == any_(_ids(owners))), {"current": False}),
        (
            (session.within(MonthScore), MonthScore.id == any_(_ids(ids))),
            {
                "status": ScoreStatus.FINAL.value,
                "current": True,
                "finalised_at": func.now(),
                "finalised_by": session.actor.id,
            },
        ),
    ):
        await session.execute(
            update(MonthScore).where(*conditions).values(values).execution_options(synchronize_session=False)
        )
    await notify_many(session, FINAL, [_message(month, row) for row in rows])
    return len(rows)


def _message(month: Period, row: Any) -> Message:
    reached = "—" if row.score is None else f"{row.score:.2f}"
    return Message(
        row.owner_id,
        Bilingual(f"{month.name} 考核得分已确认：{reached}", f"Your score of {month.name} is final: {reached}"),
        subject=Subject("month_score", row.id),
        key=str(row.id),
    )
