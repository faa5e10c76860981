"""Arrears: what clients owe for a period, what they paid of it, and who still owes. Amounts in fen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.exc import IntegrityError

from steward_core.clients.checks import problem, refuse
from steward_core.clients.holdings import Cleaner, Fields, cleaned, fen, line, owed, row_to_change, text
from steward_core.clients.holdings_errors import ArrearsExist, ArrearsNotFound, ArrearsSettled
from steward_core.clients.models import Arrears, Client, ClientStatus
from steward_core.clients.ownership import hold_clients, these
from steward_core.clients.pages import Order, Page, Paging, one_page
from steward_core.clients.row_kinds import ARREARS, CLIENT
from steward_core.clients.rules import clean_day, reason_problem
from steward_core.clients.service import client_to_change
from steward_core.database.bulk import insert_many, update_many
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem

ARREARS_FIELDS: Mapping[str, Cleaner] = {
    "period": line(32),
    "source": line(64),
    "amount": owed,
    "paid": fen,
    "due_on": clean_day,
    "note": text,
}
_REQUIRED = {"period", "source", "amount", "due_on"}
MOST_ROWS = 20_000


@command("clients.arrears.record", "登记欠费", "Record arrears", permission=CLIENTS_EDIT)
async def record_arrears(session: WriteSession, client_id: UUID, *, fields: Fields, today: date) -> Arrears:
    """Arrears of a client for a period; `fields`: those of `ARREARS_FIELDS`, the source `manual` unless said otherwise.

    Raises ClientNotFound, ClientIsMerged, InvalidInput naming every bad field, ArrearsExist.
    """
    client = await client_to_change(session, client_id, CLIENTS_EDIT, today=today)
    values = _values({"source": "manual", **fields})
    row = Arrears(id=new_id(), client_id=client.id, settled_on=_settled(values, today), **values)
    try:
        async with session.savepoint():
            session.add(row)
            await session.flush()
    except IntegrityError as error:
        name = getattr(getattr(error.orig, "diag", None), "constraint_name", "")
        if name == "uq_arrears_tenant_id_client_id_period_source":
            raise ArrearsExist(period=values["period"]) from error
        raise
    after = {"client_id": client.id, **values}
    await record(session, "clients.arrears.record", Subject("arrears", row.id), after=after)
    return row


@command("clients.arrears.pay", "登记欠费回收", "Record a payment of arrears", permission=CLIENTS_EDIT)
async def pay_arrears(
    session: WriteSession,
    arrears_id: UUID,
    *,
    amount: int,
    today: date,
    on: date | None = None,
    expected_version: int | None = None,
) -> Arrears:
    """So much was paid, on a day (today); nothing is left: settled on that day.

    Raises ArrearsNotFound, ClientIsMerged, HoldingChanged, ArrearsSettled, InvalidInput (more than is owed).
    """
    row = await _to_change(session, arrears_id, today, expected_version)
    _check_open(row)
    values, problems = cleaned({"amount": amount}, {"amount": owed}, {"amount"}, new=True)
    left = row.amount - row.paid
    if not problems and values["amount"] > left:
        problems.append(problem("amount", "range", f"超过尚欠金额（{left} 分）。", f"More than is owed ({left} fen)."))
    refuse([*problems, *_day_problems(on, today)])
    return await _set(session, "clients.arrears.pay", row, {"paid": row.paid + values["amount"]}, on=on or today)


@command("clients.arrears.settle", "结清欠费", "Settle arrears", permission=CLIENTS_EDIT)
async def settle_arrears(
    session: WriteSession, arrears_id: UUID, *, today: date, on: date | None = None, expected_version: int | None = None
) -> Arrears:
    """All that is owed was paid, on a day (today). Raises ArrearsNotFound, ClientIsMerged, HoldingChanged,
    ArrearsSettled, InvalidInput."""
    row = await _to_change(session, arrears_id, today, expected_version)
    _check_open(row)
    refuse(_day_problems(on, today))
    return await _set(session, "clients.arrears.settle", row, {"paid": row.amount}, on=on or today)


@command("clients.arrears.correct", "更正欠费", "Correct arrears", permission=CLIENTS_EDIT)
async def correct_arrears(
    session: WriteSession,
    arrears_id: UUID,
    *,
    fields: Fields,
    reason: str,
    today: date,
    expected_version: int | None = None,
) -> Arrears:
    """Correct amount, payment, day or note of arrears, saying why; settled again or open again as the figures say.

    Raises ArrearsNotFound, ClientIsMerged, HoldingChanged, InvalidInput.
    """
    row = await _to_change(session, arrears_id, today, expected_version)
    changeable = {name: ARREARS_FIELDS[name] for name in ("amount", "paid", "due_on", "note")}
    values, problems = cleaned(fields, changeable, {"amount", "paid", "due_on"}, new=False)
    why = reason_problem(reason)
    problems += [why] if why else []
    amount, paid = values.get("amount", row.amount), values.get("paid", row.paid)
    if not problems and paid > amount:
        problems.append(_paid_too_much())
    refuse(problems)
    return await _set(
        session, "clients.arrears.correct", row, values, on=row.settled_on or today, reason=reason.strip()
    )


@dataclass(frozen=True)
class ArrearsRow:
    """Arrears as another system reports them; `fields` as in `ARREARS_FIELDS`."""

    client_id: UUID
    fields: Fields


@dataclass(frozen=True)
class ArrearsRecorded:
    """What became of many rows: `changed` were on record with other figures, `same` with the same."""

    added: int
    changed: int
    same: int


@command("clients.arrears.record_many", "批量登记欠费", "Record many arrears", permission=CLIENTS_EDIT)
async def record_many(session: WriteSession, rows: Sequence[ArrearsRow], *, today: date) -> ArrearsRecorded:
    """Bring arrears in line with what a source reports: new ones in, known ones (client, period, source) changed to
    what it says; what it leaves out keeps its value. All rows or none, in a handful of statements.

    Raises InvalidInput naming every bad field of every row as `rows.<number>.<field>`.
    """
    values = await _cleaned_rows(session, rows, today)
    known = await _known(session, list(values))
    added, changed, same = [], [], 0
    problems = []
    for number, (key, given) in enumerate(values.items()):
        before = known.get(key)
        after = {**(before or {"paid": 0, "note": None, "settled_on": None}), **given}
        after["settled_on"] = (after["settled_on"] or today) if after["paid"] == after["amount"] else None
        if after["paid"] > after["amount"]:
            one = _paid_too_much()
            problems.append(FieldProblem(("rows", str(number), *one.path), one.code, one.message))
        if before is None:
            added.append({"id": new_id(), "client_id": key[0], **after})
        elif after != before:
            changed.append(after)
        else:
            same += 1
    refuse(problems)
    await insert_many(session, Arrears, _columns(added))
    if changed:
        columns = _columns(changed)
        figures = {name: columns[name] for name in ("amount", "paid", "due_on", "note", "settled_on")}
        also = {"version": Arrears.version + 1, "updated_at": func.now()}
        await update_many(session, Arrears, {"id": columns["id"]}, figures, also=also)
    done = ArrearsRecorded(len(added), len(changed), same)
    after_all = {"added": done.added, "changed": done.changed, "same": done.same}
    await record(session, "clients.arrears.record_many", Subject("arrears"), after=after_all)
    return done


_Key = tuple[UUID, str, str]


async def _cleaned_rows(session: WriteSession, rows: Sequence[ArrearsRow], today: date) -> dict[_Key, dict[str, Any]]:
    if len(rows) > MOST_ROWS:
        refuse([problem("rows", "length", f"每次最多 {MOST_ROWS} 行。", f"Send at most {MOST_ROWS} rows.")])
    wanted = {row.client_id for row in rows}
    held = (
        Client.id == these(wanted),
        Client.status != ClientStatus.MERGED.value,
        CLIENT.within_reach(session, CLIENTS_EDIT, today),
    )
    await hold_clients(session, *held)
    reached = set(await session.scalars(select(Client.id).where(session.within(Client), *held)))
    values: dict[_Key, dict[str, Any]] = {}
    problems: list[FieldProblem] = []
    for number, row in enumerate(rows):
        clean, found = cleaned({"source": "manual", **row.fields}, ARREARS_FIELDS, _REQUIRED, new=True)
        if row.client_id not in reached:
            found.append(problem("client_id", "unknown", "找不到该客户。", "No such client."))
        if not found and (clean.get("paid") or 0) > clean["amount"]:
            found.append(_paid_too_much())
        key = (row.client_id, clean.get("period") or "", clean.get("source") or "")
        if not found and key in values:
            found.append(
                problem("period", "twice", "同一客户、期间和来源重复。", "The same client, period, source twice.")
            )
        problems += [FieldProblem(("rows", str(number), *one.path), one.code, one.message) for one in found]
        values[key] = {name: value for name, value in clean.items() if not (name == "paid" and value is None)}
    refuse(problems)
    return values


async def _known(session: WriteSession, keys: Sequence[_Key]) -> dict[_Key, dict[str, Any]]:
    names = ("id", "period", "source", "amount", "paid", "due_on", "note", "settled_on")
    rows = await session.rows(
        select(Arrears.client_id, *(getattr(Arrears, name) for name in names))
        .where(
            session.within(Arrears),
            Arrears.client_id == these({key[0] for key in keys}),
        )
        .with_for_update()
    )
    wanted = set(keys)
    found = {(row[0], row[2], row[3]): dict(zip(names, row[1:], strict=True)) for row in rows}
    return {key: values for key, values in found.items() if key in wanted}


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = ("id", "client_id", "period", "source", "amount", "paid", "due_on", "note", "settled_on")
    return {name: [row.get(name) for row in rows] for name in names}


@dataclass(frozen=True)
class ArrearsQuery:
    """Which arrears; only open ones unless `with_settled`. `due_before`: due earlier than this day."""

    client_id: UUID | None = None
    owner_id: UUID | None = None
    unit_id: UUID | None = None
    period: str | None = None
    source: str | None = None
    due_before: date | None = None
    with_settled: bool = False


@dataclass(frozen=True)
class ArrearsLine:
    """Arrears as lists show them, in fen. `overdue_days` counts from the day after they were due; 0: not overdue."""

    id: UUID
    client_id: UUID
    client_name: str
    owner_id: UUID | None
    period: str
    source: str
    amount: int
    paid: int
    open: int
    due_on: date
    overdue_days: int
    settled_on: date | None
    note: str | None
    version: int


@dataclass(frozen=True)
class ArrearsTotals:
    """Sums over all that a query finds, in fen; `clients` that owe something."""

    rows: int
    clients: int
    amount: int
    paid: int
    open: int
    overdue: int


async def arrears_page(
    session: TenantSession, query: ArrearsQuery, *, today: date, paging: Paging | None = None
) -> Page[ArrearsLine]:
    """Arrears of clients in the actor's scope, the longest due first. Raises Forbidden, InvalidInput."""
    require(session.actor, CLIENTS_VIEW)
    statement = (
        select(Arrears, Client.name, Client.owner_id)
        .join(Client, and_(session.within(Client), Client.id == Arrears.client_id))
        .where(*_conditions(session, query, today))
    )
    order = Order("due_on", ((Arrears.due_on, date), (Arrears.id, UUID)))
    return await one_page(session, statement, order, paging or Paging(), lambda row: _line(row, today))


async def arrears_totals(session: TenantSession, query: ArrearsQuery, *, today: date) -> ArrearsTotals:
    """The sums of what `arrears_page` lists. Raises Forbidden."""
    require(session.actor, CLIENTS_VIEW)
    left = Arrears.amount - Arrears.paid
    sums = (
        func.count(),
        func.count(Arrears.client_id.distinct()).filter(left > 0),
        func.coalesce(func.sum(Arrears.amount), 0),
        func.coalesce(func.sum(Arrears.paid), 0),
        func.coalesce(func.sum(left), 0),
        func.coalesce(func.sum(left).filter(Arrears.due_on < today), 0),
    )
    statement = (
        select(*sums)
        .select_from(Arrears)
        .join(Client, and_(session.within(Client), Client.id == Arrears.client_id))
        .where(*_conditions(session, query, today))
    )
    (row,) = await session.rows(statement)
    return ArrearsTotals(*(int(value) for value in row))


def _conditions(session: TenantSession, query: ArrearsQuery, today: date) -> list[ColumnElement[bool]]:
    conditions = [session.within(Arrears), ARREARS.within_reach(session, CLIENTS_VIEW, today)]
    if not query.with_settled:
        conditions.append(Arrears.paid < Arrears.amount)
    for column, value in (
        (Arrears.client_id, query.client_id),
        (Client.owner_id, query.owner_id),
        (Client.unit_id, query.unit_id),
        (Arrears.period, query.period),
        (Arrears.source, query.source),
    ):
        if value is not None:
            conditions.append(column == value)
    if query.due_before is not None:
        conditions.append(Arrears.due_on < query.due_before)
    return conditions


def _line(row: Any, today: date) -> ArrearsLine:
    arrears: Arrears = row[0]
    left = arrears.amount - arrears.paid
    return ArrearsLine(
        arrears.id,
        arrears.client_id,
        row[1],
        row[2],
        arrears.period,
        arrears.source,
        arrears.amount,
        arrears.paid,
        left,
        arrears.due_on,
        max((today - arrears.due_on).days, 0) if left else 0,
        arrears.settled_on,
        arrears.note,
        arrears.version,
    )


def _values(fields: Fields) -> dict[str, Any]:
    values, problems = cleaned(fields, ARREARS_FIELDS, _REQUIRED, new=True)
    values = {**dict.fromkeys(ARREARS_FIELDS), **values, "paid": values.get("paid") or 0}
    if not problems and values["paid"] > values["amount"]:
        problems.append(_paid_too_much())
    refuse(problems)
    return values


def _paid_too_much() -> FieldProblem:
    return problem("paid", "range", "已付金额不能超过欠费金额。", "No more can be paid than is owed.")


def _settled(values: Fields, on: date) -> date | None:
    return on if values["paid"] == values["amount"] else None


def _day_problems(on: date | None, today: date) -> list[FieldProblem]:
    if on is None or on <= today:
        return []
    return [problem("on", "future", "付款日期不能晚于今天。", "The day of payment cannot be to come.")]


def _check_open(row: Arrears) -> None:
    if row.paid >= row.amount:
        raise ArrearsSettled


async def _to_change(session: WriteSession, arrears_id: UUID, today: date, expected_version: int | None) -> Arrears:
    row: Arrears
    row, _ = await row_to_change(
        session, ARREARS, arrears_id, ArrearsNotFound, today=today, expected_version=expected_version
    )
    return row


async def _set(
    session: WriteSession, action: str, row: Arrears, values: Mapping[str, Any], *, on: date, reason: str | None = None
) -> Arrears:
    after = {**values, "settled_on": _settled({"paid": row.paid, "amount": row.amount, **values}, on)}
    before = {name: getattr(row, name) for name in after}
    for name, value in after.items():
        setattr(row, name, value)
    row.updated_at = datetime.now(UTC)
    await record(session, action, Subject("arrears", row.id), before=before, after=after, reason=reason)
    return row
