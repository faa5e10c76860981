"""Contracts: entered, changed, renewed, terminated, ended by their date; listed within reach."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.clients.contracts import (
    RUN_KIND,
    ContractQuery,
    ContractSort,
    Standing,
    change_contract,
    contract_of,
    contracts_page,
    create_contract,
    end_past_contracts,
    renew_contract,
    standing_on,
    terminate_contract,
)
from steward_core.clients.errors import ClientIsMerged, ClientNotFound
from steward_core.clients.holdings_errors import (
    ContractNotActive,
    ContractNotFound,
    ContractNumberTaken,
    ContractOver,
    ContractRenewedAlready,
    HoldingChanged,
)
from steward_core.clients.models import ClientStatus, Contract, ContractStatus
from steward_core.clients.pages import Paging
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW
from steward_core.runs.service import RunTools, drive, request_run
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.files.store import LocalFileStore
from tests.core.factories import make_client
from tests.factories import TESTS, actor_with, make_tenant
from tests.turns import meanwhile

TODAY = date(2026, 11, 2)
HEAD = actor_with(CLIENTS_EDIT, CLIENTS_VIEW)
NOBODY = actor_with(CLIENTS_EDIT, CLIENTS_VIEW, scope=Scope.OWN)
PLAIN = {"number": "HT-1", "title": "专线服务", "start_on": "2026-01-01", "end_on": "2026-12-31", "amount": 1_200_000}


async def a_client(database: Database, **values: object) -> tuple[UUID, UUID]:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        return tenant, make_client(session, **values).id


async def made(session: WriteSession, client_id: UUID, **values: object) -> Contract:
    return await create_contract(session, client_id, fields={**PLAIN, **values}, today=TODAY)


async def test_entered_changed_and_listed(database: Database) -> None:
    tenant, client_id = await a_client(database)
    async with database.write(tenant, HEAD) as session:
        contract = await made(session, client_id, signed_on=date(2025, 12, 20), note="第一行\n第二行")
        assert (contract.status, contract.amount, contract.start_on) == ("active", 1_200_000, date(2026, 1, 1))
        await change_contract(
            session, contract.id, fields={"amount": None, "title": "专线服务 2"}, today=TODAY, expected_version=1
        )
        with pytest.raises(HoldingChanged):
            await change_contract(session, contract.id, fields={"amount": 5}, today=TODAY, expected_version=1)
    async with database.read(tenant, HEAD) as session:
        line = await contract_of(session, contract.id, today=TODAY)
        assert (line.title, line.amount, line.standing, line.version) == ("专线服务 2", None, Standing.ACTIVE, 2)
        assert line.note == "第一行\n第二行"
    async with database.write(tenant, NOBODY) as session:
        for refused in (
            change_contract(session, contract.id, fields={"amount": 5}, today=TODAY),
            contract_of(session, contract.id, today=TODAY),
        ):
            with pytest.raises(ContractNotFound):
                await refused
        with pytest.raises(ClientNotFound):
            await made(session, client_id, number="HT-2")
        assert (await contracts_page(session, ContractQuery(), today=TODAY)).rows == ()


async def test_bad_fields_are_all_named(database: Database) -> None:
    tenant, client_id = await a_client(database)
    bad = {
        "number": "",
        "title": "x" * 201,
        "start_on": "2026-02-30",
        "amount": 1.5,
        "colour": "red",
        "status": "ended",
        "note": "a\x00b",
    }
    async with database.write(tenant, HEAD) as session:
        with pytest.raises(InvalidInput) as refused:
            await create_contract(session, client_id, fields=bad, today=TODAY)
        assert {problem.path[0] for problem in refused.value.problems} == set(bad)
        with pytest.raises(InvalidInput) as missing:
            await create_contract(session, client_id, fields={}, today=TODAY)
        assert {problem.path[0] for problem in missing.value.problems} == {"number", "title", "start_on"}
        with pytest.raises(InvalidInput) as order:
            await made(session, client_id, end_on="2025-12-31")
        assert [problem.path for problem in order.value.problems] == [("end_on",)]
        assert (await contracts_page(session, ContractQuery(), today=TODAY)).rows == ()
    async with database.write(tenant, actor_with(CLIENTS_VIEW)) as session:
        with pytest.raises(Forbidden):
            await made(session, client_id)


async def test_a_number_stands_once_in_the_tenant(database: Database) -> None:
    tenant, client_id = await a_client(database)
    async with database.write(tenant, HEAD) as session:
        await made(session, client_id)
        with pytest.raises(ContractNumberTaken):
            await made(session, client_id)
        other = await made(session, client_id, number="HT-2")
        with pytest.raises(ContractNumberTaken):
            await change_contract(session, other.id, fields={"number": "HT-1"}, today=TODAY)
    async with database.read(tenant, HEAD) as session:
        assert len((await contracts_page(session, ContractQuery(), today=TODAY)).rows) == 2


async def test_a_renewal_follows(database: Database) -> None:
    tenant, client_id = await a_client(database)
    async with database.write(tenant, HEAD) as session:
        old = await made(session, client_id, kind="专线")
        overlapping = {"number": "HT-2", "start_on": "2026-12-31"}
        with pytest.raises(InvalidInput) as refused:
            await renew_contract(session, old.id, fields=overlapping, today=TODAY)
        assert [problem.code for problem in refused.value.problems] == ["overlap"]
        new = await renew_contract(session, old.id, fields={"number": "HT-2", "end_on": "2027-12-31"}, today=TODAY)
        assert (new.renews_id, new.start_on, new.title, new.kind, new.amount) == (
            old.id,
            date(2027, 1, 1),
            "专线服务",
            "专线",
            1_200_000,
        )
        assert (old.status, old.end_on) == (ContractStatus.ACTIVE, date(2026, 12, 31)), "up to its last day"
        line = await contract_of(session, old.id, today=TODAY)
        assert line.standing is Standing.ACTIVE
        with pytest.raises(ContractRenewedAlready):
            await renew_contract(session, old.id, fields={"number": "HT-3"}, today=TODAY)
        line = await contract_of(session, new.id, today=TODAY)
        assert line.standing is Standing.UPCOMING
        open_ended = await made(session, client_id, number="HT-4", end_on=None)
        await renew_contract(session, open_ended.id, fields={"number": "HT-5", "start_on": "2026-06-01"}, today=TODAY)
        assert (open_ended.status, open_ended.end_on) == (ContractStatus.ENDED, date(2026, 5, 31)), "that day is past"
        draft = await made(session, client_id, number="HT-6", status="draft")
        with pytest.raises(ContractNotActive):
            await renew_contract(session, draft.id, fields={"number": "HT-7"}, today=TODAY)


async def test_of_two_renewals_at_once_one_stands(database: Database) -> None:
    tenant, client_id = await a_client(database)
    async with database.write(tenant, HEAD) as session:
        old = await made(session, client_id)

    async def first(session: WriteSession) -> None:
        await renew_contract(session, old.id, fields={"number": "A"}, today=TODAY)

    async def second(session: WriteSession) -> None:
        await renew_contract(session, old.id, fields={"number": "B"}, today=TODAY)

    assert isinstance(await meanwhile(database, tenant, HEAD, first, second), ContractRenewedAlready)


async def test_terminated_is_over(database: Database) -> None:
    tenant, client_id = await a_client(database)
    async with database.write(tenant, HEAD) as session:
        contract = await made(session, client_id)
        with pytest.raises(InvalidInput) as refused:
            await terminate_contract(session, contract.id, reason="", today=TODAY, on=date(2027, 1, 1))
        assert {problem.path[0] for problem in refused.value.problems} == {"reason", "on"}
        await terminate_contract(session, contract.id, reason="客户搬迁", today=TODAY)
        assert (contract.status, contract.end_on) == (ContractStatus.TERMINATED, TODAY)
        for over in (
            terminate_contract(session, contract.id, reason="再终止", today=TODAY),
            change_contract(session, contract.id, fields={"amount": 1}, today=TODAY),
            renew_contract(session, contract.id, fields={"number": "HT-2"}, today=TODAY),
        ):
            with pytest.raises(ContractOver):
                await over
        draft = await made(session, client_id, number="HT-8", status="draft")
        with pytest.raises(ContractNotActive):
            await terminate_contract(session, draft.id, reason="作废", today=TODAY)
        await change_contract(session, draft.id, fields={"status": "active"}, today=TODAY)
        with pytest.raises(InvalidInput):
            await change_contract(session, draft.id, fields={"status": "draft"}, today=TODAY)


async def test_merged_clients_take_no_contracts(database: Database) -> None:
    tenant, client_id = await a_client(database, status=ClientStatus.MERGED)
    async with database.write(tenant, HEAD) as session:
        with pytest.raises(ClientIsMerged):
            await made(session, client_id)


async def test_ended_by_their_date_and_listed_by_standing(database: Database, tmp_path: Path) -> None:
    tenant, client_id = await a_client(database)
    async with database.write(tenant, HEAD) as session:
        periods: dict[str, dict[str, object]] = {
            "A1": {"end_on": "2026-11-01"},
            "A2": {"end_on": "2026-11-02"},
            "A3": {"end_on": None},
            "A4": {"start_on": "2026-11-03"},
            "B1": {"status": "draft", "kind": "维护"},
        }
        for number, values in periods.items():
            await made(session, client_id, number=number, **values)

    async def numbers(query: ContractQuery) -> list[str]:
        async with database.read(tenant, HEAD) as session:
            return [line.number for line in (await contracts_page(session, query, today=TODAY)).rows]

    def standing(*which: Standing) -> ContractQuery:
        return ContractQuery(standings=frozenset(which), sort=ContractSort.NUMBER)

    expected = {Standing.ENDED: ["A1"], Standing.ACTIVE: ["A2", "A3"], Standing.UPCOMING: ["A4"]}
    for _ in range(2):
        for which, found in {**expected, Standing.DRAFT: ["B1"], Standing.TERMINATED: []}.items():
            assert await numbers(standing(which)) == found
        async with database.write(tenant, HEAD) as session:
            assert await end_past_contracts(session, TODAY) in (0, 1)
    assert await numbers(ContractQuery(number="A", descending=True)) == ["A3", "A4", "A2", "A1"]
    assert await numbers(ContractQuery(kinds=frozenset({"维护"}), client_id=client_id)) == ["B1"]
    assert await numbers(ContractQuery(ends_from=date(2026, 11, 2), ends_until=date(2026, 11, 30))) == ["A2"]
    assert await numbers(ContractQuery(number="%")) == []
    async with database.read(tenant, HEAD) as reading:
        seen: list[str] = []
        cursor = None
        while True:
            query = ContractQuery(sort=ContractSort.START)
            page = await contracts_page(reading, query, today=TODAY, paging=Paging(size=2, cursor=cursor))
            seen += [line.number for line in page.rows]
            if (cursor := page.next_cursor) is None:
                break
        assert sorted(seen) == ["A1", "A2", "A3", "A4", "B1"]
    async with database.write(tenant, HEAD) as session:
        run = await request_run(session, RUN_KIND, period="x", parameters={"on": str(TODAY + timedelta(days=1))})
    done = await drive(database, tenant, HEAD, run.id, RunTools(LocalFileStore(tmp_path)))
    assert done.counts == {"ended": 1}


_days = st.dates(date(2026, 1, 1), date(2026, 3, 1))


@given(start=_days, length=st.none() | st.integers(0, 40), day=_days, status=st.sampled_from(list(ContractStatus)))
def test_an_active_contract_is_one_thing_on_each_day(
    start: date, length: int | None, day: date, status: ContractStatus
) -> None:
    end = None if length is None else start + timedelta(days=length)
    standing = standing_on(status, start, end, day)
    if status is not ContractStatus.ACTIVE:
        assert standing == status.value
    else:
        assert (standing is Standing.ACTIVE) == (start <= day and (end is None or day <= end))
        assert (standing is Standing.UPCOMING) == (day < start)
