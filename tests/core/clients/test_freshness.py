"""Freshness of profiles and the core's triggers: due by tier and day, in reach, one statement for a tenant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Select

from steward_core.clients import triggers
from steward_core.clients.freshness import FreshnessCount, freshness_scan, stale_profiles
from steward_core.clients.models import Arrears, ClientStatus, Contract, ContractStatus
from steward_core.clients.policies import ClientPolicies, FreshnessRule
from steward_core.clients.rules import confirm_by
from steward_core.database.context import QueryContext
from steward_core.industry.dispatcher import trigger_rows
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import Forbidden
from tests.core.clients.companies import TODAY, Company, make_company
from tests.core.factories import make_client, make_contact
from tests.factories import TESTS, actor_with

LONG_AGO = date(2020, 1, 1)
Rows = Callable[[QueryContext], Select[Any]]


def confirmed(
    session: WriteSession, company: Company, basic: date | None, personal: date | None, **values: Any
) -> UUID:
    return make_client(
        session,
        **{
            "owner_id": company.manager.id,
            "unit_id": company.east.id,
            "basic_confirmed_on": basic,
            "personal_confirmed_on": personal,
            "created_at": datetime(2026, 3, 31, 23, 30, tzinfo=UTC),
            **values,
        },
    ).id


async def found(session: TenantSession, rows: Rows, policies: ClientPolicies | None = None, today: date = TODAY) -> Any:
    return {row.client_id: row for row in await session.rows(rows(QueryContext(session, today, policies)))}


async def test_profiles_are_due_by_tier(database: Database) -> None:
    """Key, A, B: basic every month, personal every 2; C: every 3 and 4 [003]."""
    company, other = await make_company(database), await make_company(database)
    fresh = TODAY - timedelta(days=1)
    async with database.write(company.tenant_id, TESTS) as session:
        due = {
            "A basic": (confirmed(session, company, date(2026, 6, 1), fresh, tier="A"), date(2026, 7, 1)),
            "A personal": (confirmed(session, company, fresh, date(2026, 5, 1), tier="A"), date(2026, 7, 1)),
            "C basic": (confirmed(session, company, date(2026, 4, 1), fresh, tier="C"), date(2026, 7, 1)),
            "none, personal": (confirmed(session, company, fresh, date(2026, 3, 1)), date(2026, 7, 1)),
            "both": (confirmed(session, company, date(2026, 5, 31), LONG_AGO, tier="key"), date(2020, 3, 1)),
            "never": (confirmed(session, company, None, None, tier="B"), date(2026, 4, 30)),
        }
        confirmed(session, company, date(2026, 6, 2), date(2026, 5, 2), tier="B")
        confirmed(session, company, date(2026, 4, 2), date(2026, 3, 2), tier="C")
        confirmed(session, company, LONG_AGO, LONG_AGO, tier="A", status=ClientStatus.CLOSED)
        confirmed(session, company, LONG_AGO, LONG_AGO, tier="A", status=ClientStatus.DORMANT)
        confirmed(session, company, LONG_AGO, LONG_AGO, tier="A", owner_id=None)
    async with database.read(company.tenant_id, TESTS) as session:
        rows = await found(session, lambda ctx: stale_profiles(ctx, ClientPolicies()))
        assert {client_id: row.due_on for client_id, row in rows.items()} == dict(due.values())
        both = rows[due["both"][0]].figures
        assert both == {"tier": "key", "basic_due_on": "2026-06-30", "personal_due_on": "2020-03-01"}
        assert rows[due["A basic"][0]].figures["personal_due_on"] == "2026-08-30"
        assert all(row.subject_id is None for row in rows.values())
        yearly = ClientPolicies(freshness=(FreshnessRule(basic_months=60, personal_months=60),))
        assert set(await found(session, triggers.profile_stale, yearly)) == {due["both"][0]}
    async with database.read(other.tenant_id, TESTS) as session:
        assert await found(session, triggers.profile_stale) == {}


async def test_the_statement_and_the_rule_agree_at_every_months_end(database: Database) -> None:
    company = await make_company(database)
    start = date(2028, 1, 20)
    async with database.write(company.tenant_id, TESTS) as session:
        clients = {
            confirmed(session, company, day, date(2099, 1, 1), tier=tier): (day, months)
            for day in (start + timedelta(days=step) for step in range(45))
            for tier, months in (("A", 1), ("C", 3))
        }
    async with database.read(company.tenant_id, TESTS) as session:
        for today in (date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30), date(2028, 5, 31)):
            rows = await found(session, triggers.profile_stale, today=today)
            assert {client_id: row.due_on for client_id, row in rows.items()} == {
                client_id: by
                for client_id, (day, months) in clients.items()
                if (by := confirm_by(day, months)) <= today
            }, today


async def test_the_scan_counts_by_tier_within_reach(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        oldest = confirmed(session, company, LONG_AGO, TODAY, tier="A")
        confirmed(session, company, TODAY, date(2026, 5, 1), tier="A")
        confirmed(session, company, TODAY, TODAY, tier="A")
        confirmed(session, company, TODAY, TODAY)
        confirmed(session, company, LONG_AGO, LONG_AGO, owner_id=company.stranger.id, unit_id=company.west.id)
    async with database.read(company.tenant_id, company.as_manager) as session:
        scan = await freshness_scan(session, today=TODAY)
    assert scan.counts == (FreshnessCount("A", 3, 1, 1), FreshnessCount(None, 1, 0, 0))
    assert (scan.clients[0].id, scan.clients[0].basic_due_on) == (oldest, date(2020, 2, 1))
    assert len(scan.clients) == 2
    async with database.read(company.tenant_id, company.as_auditor) as session:
        assert sum(count.clients for count in (await freshness_scan(session, today=TODAY)).counts) == 5
    async with database.read(company.tenant_id, actor_with()) as session:
        with pytest.raises(Forbidden):
            await freshness_scan(session, today=TODAY)


def make_contract(session: WriteSession, client_id: UUID, ends_in: int, **values: Any) -> UUID:
    contract = Contract(
        **{
            "id": new_id(),
            "client_id": client_id,
            "number": f"HT-{new_id().hex[-8:]}",
            "title": "专线合同",
            "status": ContractStatus.ACTIVE,
            "start_on": LONG_AGO,
            "end_on": TODAY + timedelta(days=ends_in),
            "amount": 120_000_00,
            "created_by": session.actor.id,
            **values,
        }
    )
    session.add(contract)
    return contract.id


async def test_contracts_that_end_are_told_at_each_warning(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        client_id = confirmed(session, company, TODAY, TODAY)
        closed = confirmed(session, company, TODAY, TODAY, status=ClientStatus.CLOSED)
        await session.flush()
        expected = {
            make_contract(session, client_id, days): (days, level)
            for days, level in ((0, 30), (30, 30), (31, 60), (60, 60), (61, 90), (90, 90))
        }
        make_contract(session, client_id, 91)
        make_contract(session, client_id, -1)
        make_contract(session, client_id, 10, status=ContractStatus.TERMINATED)
        make_contract(session, closed, 10)
        renewed = make_contract(session, client_id, 10)
        await session.flush()
        make_contract(session, client_id, 400, renews_id=renewed)
    async with database.read(company.tenant_id, TESTS) as session:
        rows = (await trigger_rows(session, "clients.contract_ending", TODAY)).rows
        assert {row.subject_id: (row.figures["days_left"], row.figures["level"]) for row in rows} == expected
        assert all(row.due_on <= TODAY and row.figures["amount"] == 120_000_00 for row in rows)
        own = ClientPolicies(contract_warning_days=(45,))
        declared = await session.rows(triggers.contract_ending(QueryContext(session, TODAY, own)))
        assert len(declared) == 4  # the closed client's too: who evaluates a trigger leaves it out


async def test_arrears_that_are_due_are_summed(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        owing = confirmed(session, company, TODAY, TODAY)
        even = confirmed(session, company, TODAY, TODAY)
        await session.flush()
        for client_id, period, amount, paid, due_on in (
            (owing, "2026-05", 500, 100, date(2026, 6, 10)),
            (owing, "2026-06", 300, 0, TODAY),
            (owing, "2026-07", 900, 0, TODAY + timedelta(days=1)),
            (even, "2026-05", 500, 500, date(2026, 6, 10)),
        ):
            session.add(
                Arrears(id=new_id(), client_id=client_id, period=period, amount=amount, paid=paid, due_on=due_on)
            )
    async with database.read(company.tenant_id, TESTS) as session:
        rows = await found(session, triggers.arrears_open)
    assert list(rows) == [owing]
    assert (rows[owing].due_on, rows[owing].figures) == (date(2026, 6, 10), {"amount": 700, "periods": 2})


@pytest.mark.parametrize(
    ("today", "birthday", "due_on"),
    [
        (date(2026, 7, 1), date(1980, 7, 1), date(2026, 7, 1)),
        (date(2026, 7, 1), date(1980, 7, 8), date(2026, 7, 8)),
        (date(2026, 7, 1), date(1980, 7, 9), None),
        (date(2026, 7, 1), date(1980, 6, 30), None),
        (date(2026, 12, 28), date(1975, 1, 2), date(2027, 1, 2)),
        (date(2027, 2, 25), date(1988, 2, 29), date(2027, 2, 28)),
        (date(2028, 2, 25), date(1988, 2, 29), date(2028, 2, 29)),
        (date(2028, 2, 20), date(1988, 2, 29), None),
        (date(2027, 3, 1), date(1988, 2, 29), None),
    ],
)
async def test_key_persons_birthdays(database: Database, today: date, birthday: date, due_on: date | None) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        client_id = confirmed(session, company, TODAY, TODAY)
        await session.flush()
        person = make_contact(session, client_id, roles=["staff", "key_person"], birthday=birthday, name="钱𠮷")
        make_contact(session, client_id, roles=["clerk"], birthday=birthday)
        make_contact(session, client_id, roles=["key_person"])
        make_contact(session, client_id, roles=["key_person"], birthday=birthday, left_on=LONG_AGO)
    async with database.read(company.tenant_id, TESTS) as session:
        rows = await session.rows(triggers.contact_birthday(QueryContext(session, today)))
    assert [(row.subject_id, row.due_on) for row in rows] == ([] if due_on is None else [(person.id, due_on)])


async def test_clients_where_nothing_happens(database: Database) -> None:
    company = await make_company(database)
    old = TODAY - timedelta(days=180)
    async with database.write(company.tenant_id, TESTS) as session:
        silent = confirmed(session, company, TODAY, TODAY, last_activity_on=old)
        never = confirmed(session, company, TODAY, TODAY, created_at=datetime(2025, 1, 1, tzinfo=UTC))
        confirmed(session, company, TODAY, TODAY, last_activity_on=old + timedelta(days=1))
        confirmed(session, company, TODAY, TODAY, last_activity_on=old, status=ClientStatus.DORMANT)
        confirmed(session, company, TODAY, TODAY, last_activity_on=old, owner_id=None)
    async with database.read(company.tenant_id, TESTS) as session:
        rows = await found(session, triggers.dormant)
    assert {client_id: row.due_on for client_id, row in rows.items()} == {silent: TODAY, never: date(2025, 6, 30)}


async def test_triggers_are_shown_within_reach_by_the_tenants_policies(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant_id, TESTS) as session:
        mine = confirmed(session, company, LONG_AGO, TODAY)
        confirmed(session, company, LONG_AGO, TODAY, owner_id=company.stranger.id, unit_id=company.west.id)
    async with database.read(company.tenant_id, company.as_manager) as session:
        outcome = await trigger_rows(session, "clients.profile_stale", TODAY)
        assert outcome.faults == ()
        assert [row.client_id for row in outcome.rows] == [mine]
        assert len((await trigger_rows(session, None, TODAY)).rows) == 1
    rules = [{"basic_months": 60, "personal_months": 60}]
    async with database.write(company.tenant_id, company.as_administrator) as session:
        await set_setting(session, "clients.freshness", rules)
    later = date(2024, 12, 31)
    async with database.read(company.tenant_id, company.as_manager) as session:
        assert (await trigger_rows(session, "clients.profile_stale", later)).rows == ()
