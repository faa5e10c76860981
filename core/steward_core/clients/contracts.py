"""Contracts with clients: made, changed, renewed, terminated, ended by their date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from steward_core.clients.checks import refuse
from steward_core.clients.holdings import Cleaner, Fields, cleaned, fen, line, row_to_change, text
from steward_core.clients.holdings_errors import (
    ContractNotActive,
    ContractNotFound,
    ContractNumberTaken,
    ContractOver,
    ContractRenewedAlready,
)
from steward_core.clients.models import Client, Contract, ContractStatus
from steward_core.clients.ownership import FOREVER
from steward_core.clients.pages import Order, Page, Paging, one_page
from steward_core.clients.row_kinds import CONTRACT
from steward_core.clients.rules import clean_day, reason_problem
from steward_core.clients.service import client_to_change
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, declare_run_kind
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, StewardError
from steward_tenants.people.rules import Unacceptable
from steward_tenants.texts import Bilingual

RUN_KIND = "clients.contracts_end"
OVER = (ContractStatus.ENDED, ContractStatus.TERMINATED)
DAY = timedelta(days=1)


class Standing(StrEnum):
    """What a contract is on a day: active before its first day is upcoming, past its last day ended."""

    DRAFT = "draft"
    UPCOMING = "upcoming"
    ACTIVE = "active"
    ENDED = "ended"
    TERMINATED = "terminated"


def standing_on(status: str, start_on: date, end_on: date | None, day: date) -> Standing:
    """What a contract with these columns is on a day."""
    if status != ContractStatus.ACTIVE:
        return Standing(status)
    if day < start_on:
        return Standing.UPCOMING
    return Standing.ENDED if end_on is not None and end_on < day else Standing.ACTIVE


def _standing(day: date, standing: Standing) -> ColumnElement[bool]:
    """The condition that a contract stands so on a day: `standing_on` in SQL."""
    active = Contract.status == ContractStatus.ACTIVE.value
    past = and_(active, Contract.start_on <= day, Contract.end_on < day)
    if standing is Standing.UPCOMING:
        return and_(active, Contract.start_on > day)
    if standing is Standing.ACTIVE:
        return and_(active, Contract.start_on <= day, or_(Contract.end_on.is_(None), Contract.end_on >= day))
    return or_(Contract.status == standing.value, past) if standing is Standing.ENDED else Contract.status == standing


def _status(value: Any) -> str:
    if value not in (ContractStatus.DRAFT, ContractStatus.ACTIVE):
        raise Unacceptable("status", "合同状态应为草稿或生效。", "A contract is entered as draft or active.")
    return str(value)


CONTRACT_FIELDS: Mapping[str, Cleaner] = {
    "number": line(64),
    "title": line(200),
    "kind": line(64),
    "status": _status,
    "signed_on": clean_day,
    "start_on": clean_day,
    "end_on": clean_day,
    "amount": fen,
    "note": text,
}
_REQUIRED = {"number", "title", "start_on", "status"}


@command("clients.contract.create", "新建合同", "Enter a contract", permission=CLIENTS_EDIT)
async def create_contract(session: WriteSession, client_id: UUID, *, fields: Fields, today: date) -> Contract:
    """A new contract of a client; `fields`: those of `CONTRACT_FIELDS`, the status active unless said otherwise.

    Raises ClientNotFound, ClientIsMerged, InvalidInput naming every bad field, ContractNumberTaken.
    """
    client = await client_to_change(session, client_id, CLIENTS_EDIT, today=today)
    values = _new_values(fields, [])
    contract = await _inserted(session, client.id, values)
    await _recorded(session, "clients.contract.create", contract, values)
    return contract


@command("clients.contract.change", "修改合同", "Change a contract", permission=CLIENTS_EDIT)
async def change_contract(
    session: WriteSession, contract_id: UUID, *, fields: Fields, today: date, expected_version: int | None = None
) -> Contract:
    """Change the given fields of a contract that is not over; None empties one. A draft may become active, not back.

    Raises ContractNotFound, ClientIsMerged, HoldingChanged, ContractOver, InvalidInput, ContractNumberTaken.
    """
    contract, _ = await _to_change(session, contract_id, today, expected_version)
    if contract.status in OVER:
        raise ContractOver(number=contract.number)
    values, problems = cleaned(fields, CONTRACT_FIELDS, _REQUIRED, new=False)
    if contract.status == ContractStatus.ACTIVE and values.get("status") == ContractStatus.DRAFT:
        text_ = Bilingual("已生效的合同不能改回草稿。", "An active contract cannot become a draft again.")
        problems.append(FieldProblem(("status",), "status", text_))
    dates = {name: values.get(name, getattr(contract, name)) for name in ("start_on", "end_on")}
    refuse([*problems, *_dates_problems(dates)])
    before = {name: getattr(contract, name) for name in values}
    await _set(session, contract, values)
    await _recorded(session, "clients.contract.change", contract, values, before=before)
    return contract


@command("clients.contract.renew", "续签合同", "Renew a contract", permission=CLIENTS_EDIT)
async def renew_contract(
    session: WriteSession, contract_id: UUID, *, fields: Fields, today: date, expected_version: int | None = None
) -> Contract:
    """A new contract whose period follows that of an active or ended one, which stays active up to its last day.

    What `fields` leave out is taken over, but for number, dates and note; it begins on the day after the old one's
    last unless `start_on` is given. An open-ended one ends on the day before. Raises ContractNotFound, ClientIsMerged,
    HoldingChanged, ContractOver, ContractNotActive, ContractRenewedAlready, InvalidInput, ContractNumberTaken.
    """
    old, client = await _to_change(session, contract_id, today, expected_version)
    if old.status == ContractStatus.DRAFT:
        raise ContractNotActive(number=old.number)
    if old.status == ContractStatus.TERMINATED:
        raise ContractOver(number=old.number)
    if await session.find(Contract, Contract.renews_id == old.id) is not None:
        raise ContractRenewedAlready(number=old.number)
    taken: dict[str, Any] = {"title": old.title, "kind": old.kind, "amount": old.amount}
    if old.end_on is not None:
        taken["start_on"] = old.end_on + DAY
    values = _new_values({**taken, **fields}, _following_problems(old, fields))
    contract = await _inserted(session, client.id, {**values, "renews_id": old.id})
    before = {"status": old.status, "end_on": old.end_on}
    last = old.end_on or contract.start_on - DAY
    ended = {"status": ContractStatus.ENDED.value if last < today else old.status, "end_on": last}
    await _set(session, old, ended)
    await _recorded(session, "clients.contract.renew", contract, {**values, "renews_id": old.id})
    await _recorded(session, "clients.contract.renew", old, ended, before=before)
    return contract


@command("clients.contract.terminate", "终止合同", "Terminate a contract", permission=CLIENTS_EDIT)
async def terminate_contract(
    session: WriteSession,
    contract_id: UUID,
    *,
    reason: str,
    today: date,
    on: date | None = None,
    expected_version: int | None = None,
) -> Contract:
    """End an active contract before its time; its last day is `on` (today), or its first where that is later.

    Raises ContractNotFound, ClientIsMerged, HoldingChanged, ContractOver, ContractNotActive, InvalidInput.
    """
    contract, _ = await _to_change(session, contract_id, today, expected_version)
    if contract.status == ContractStatus.DRAFT:
        raise ContractNotActive(number=contract.number)
    if contract.status in OVER:
        raise ContractOver(number=contract.number)
    last = max(on or today, contract.start_on)
    problem = reason_problem(reason)
    problems = [problem] if problem else []
    if contract.end_on is not None and last > contract.end_on:
        text_ = Bilingual("终止日期不能晚于合同到期日。", "The last day cannot be later than the contract's end.")
        problems.append(FieldProblem(("on",), "range", text_))
    refuse(problems)
    before = {"status": contract.status, "end_on": contract.end_on}
    values = {"status": ContractStatus.TERMINATED.value, "end_on": last}
    await _set(session, contract, values)
    await _recorded(session, "clients.contract.terminate", contract, values, before=before, reason=reason.strip())
    return contract


@command("clients.contract.end_past", "合同到期", "End contracts past their date", permission=CLIENTS_EDIT)
async def end_past_contracts(session: WriteSession, today: date) -> int:
    """Mark active contracts whose last day has passed as ended, in the whole tenant; answers how many."""
    statement = (
        update(Contract)
        .where(
            session.within(Contract),
            Contract.status == ContractStatus.ACTIVE.value,
            Contract.end_on < today,
        )
        .values(status=ContractStatus.ENDED.value, updated_at=func.now(), version=Contract.version + 1)
        .execution_options(synchronize_session=False, preserve_rowcount=True)
    )
    count = cast("CursorResult[Any]", await session.execute(statement)).rowcount
    await record(session, "clients.contract.end_past", Subject("contract"), after={"on": today, "contracts": count})
    return count


async def advance_ends(session: WriteSession, run: Run, _tools: RunTools) -> bool:
    """The one step of a run; its parameters hold the day as `on`."""
    run.done = run.total = await end_past_contracts(session, date.fromisoformat(run.parameters["on"]))
    run.counts = {"ended": run.done}
    return True


declare_run_kind(RUN_KIND, "合同到期", "End contracts past their date", CLIENTS_EDIT, advance_ends)


class ContractSort(StrEnum):
    """What lists of contracts can be sorted by; open-ended ones come last by their end."""

    END = "end"
    START = "start"
    NUMBER = "number"


_ORDERS: dict[ContractSort, tuple[tuple[Any, type[Any]], ...]] = {
    ContractSort.END: ((func.coalesce(Contract.end_on, FOREVER), date), (Contract.id, UUID)),
    ContractSort.START: ((Contract.start_on, date), (Contract.id, UUID)),
    ContractSort.NUMBER: ((Contract.number, str), (Contract.id, UUID)),
}


@dataclass(frozen=True)
class ContractQuery:
    """Which contracts. `number` is the beginning of one; `standings` as of today."""

    client_id: UUID | None = None
    owner_id: UUID | None = None
    standings: frozenset[Standing] = frozenset()
    kinds: frozenset[str] = frozenset()
    number: str = ""
    ends_from: date | None = None
    ends_until: date | None = None
    sort: ContractSort = ContractSort.END
    descending: bool = False


@dataclass(frozen=True)
class ContractLine:
    """A contract as lists show it; `standing` as of today, `amount` in fen. `renews_id`: the contract before it."""

    id: UUID
    client_id: UUID
    client_name: str
    number: str
    title: str
    kind: str | None
    standing: Standing
    signed_on: date | None
    start_on: date
    end_on: date | None
    amount: int | None
    renews_id: UUID | None
    note: str | None
    version: int


async def contracts_page(
    session: TenantSession, query: ContractQuery, *, today: date, paging: Paging | None = None
) -> Page[ContractLine]:
    """One page of the contracts of clients in the actor's scope. Raises Forbidden, InvalidInput."""
    require(session.actor, CLIENTS_VIEW)
    order = Order(query.sort.value, _ORDERS[query.sort], query.descending)
    statement = _selection(session, today).where(*_conditions(query, today))
    return await one_page(session, statement, order, paging or Paging(), lambda row: _line(row, today))


async def contract_of(session: TenantSession, contract_id: UUID, *, today: date) -> ContractLine:
    """One contract. Raises Forbidden, ContractNotFound."""
    require(session.actor, CLIENTS_VIEW)
    rows = await session.rows(_selection(session, today).where(Contract.id == contract_id))
    if not rows:
        raise ContractNotFound
    return _line(rows[0], today)


def _selection(session: TenantSession, today: date) -> Any:
    return (
        select(Contract, Client.name)
        .join(Client, and_(session.within(Client), Client.id == Contract.client_id))
        .where(session.within(Contract), CONTRACT.within_reach(session, CLIENTS_VIEW, today))
    )


def _conditions(query: ContractQuery, today: date) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.client_id is not None:
        conditions.append(Contract.client_id == query.client_id)
    if query.owner_id is not None:
        conditions.append(Client.owner_id == query.owner_id)
    if query.standings:
        conditions.append(or_(*(_standing(today, standing) for standing in sorted(query.standings))))
    if query.kinds:
        conditions.append(Contract.kind.in_(sorted(query.kinds)))
    if query.number.strip():
        conditions.append(Contract.number.startswith(query.number.strip(), autoescape=True))
    if query.ends_from is not None:
        conditions.append(Contract.end_on >= query.ends_from)
    if query.ends_until is not None:
        conditions.append(Contract.end_on <= query.ends_until)
    return conditions


def _line(row: Any, today: date) -> ContractLine:
    contract: Contract = row[0]
    return ContractLine(
        contract.id,
        contract.client_id,
        row[1],
        contract.number,
        contract.title,
        contract.kind,
        standing_on(contract.status, contract.start_on, contract.end_on, today),
        contract.signed_on,
        contract.start_on,
        contract.end_on,
        contract.amount,
        contract.renews_id,
        contract.note,
        contract.version,
    )


def _new_values(fields: Fields, more: list[FieldProblem]) -> dict[str, Any]:
    given = {"status": ContractStatus.ACTIVE, **fields}
    values, problems = cleaned(given, CONTRACT_FIELDS, _REQUIRED, new=True)
    refuse([*problems, *more, *_dates_problems(values)])
    return {**dict.fromkeys(CONTRACT_FIELDS), **values}


def _dates_problems(values: Fields) -> list[FieldProblem]:
    start, end = values.get("start_on"), values.get("end_on")
    if start is None or end is None or end >= start:
        return []
    message = Bilingual("到期日不能早于开始日。", "The last day cannot be before the first.")
    return [FieldProblem(("end_on",), "range", message)]


def _following_problems(old: Contract, fields: Fields) -> list[FieldProblem]:
    start, _ = cleaned({"start_on": fields.get("start_on")}, CONTRACT_FIELDS, (), new=False)
    begins = start.get("start_on")
    earliest = (old.end_on or old.start_on) + DAY
    if begins is None or begins >= earliest:
        return []
    message = Bilingual(f"续签合同应从 {earliest} 或之后开始。", f"The renewal begins on {earliest} or later.")
    return [FieldProblem(("start_on",), "overlap", message)]


async def _to_change(
    session: WriteSession, contract_id: UUID, today: date, expected_version: int | None
) -> tuple[Contract, Client]:
    return await row_to_change(
        session, CONTRACT, contract_id, ContractNotFound, today=today, expected_version=expected_version
    )


async def _inserted(session: WriteSession, client_id: UUID, values: Fields) -> Contract:
    contract = Contract(id=new_id(), client_id=client_id, created_by=session.actor.id, **values)
    try:
        async with session.savepoint():
            session.add(contract)
            await session.flush()
    except IntegrityError as error:
        raise _taken(error, values) from error
    return contract


async def _set(session: WriteSession, contract: Contract, values: Fields) -> None:
    try:
        async with session.savepoint():
            for name, value in values.items():
                setattr(contract, name, value)
            contract.updated_at = datetime.now(UTC)
            await session.flush()
    except IntegrityError as error:
        raise _taken(error, values) from error


def _taken(error: IntegrityError, values: Fields) -> StewardError:
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if name == "uq_contract_tenant_id_number":
        return ContractNumberTaken(number=values["number"])
    raise error


async def _recorded(
    session: WriteSession,
    action: str,
    contract: Contract,
    after: Fields,
    *,
    before: Fields | None = None,
    reason: str | None = None,
) -> None:
    values = {**after, "client_id": contract.client_id} if before is None else after
    await record(session, action, Subject("contract", contract.id), before=before, after=values, reason=reason)
