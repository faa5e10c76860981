"""Generated plans: the figures of the domain, and the same as the pure rules on random worlds."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID

import psycopg
import pytest

from steward_core.clients.models import ClientKind, ClientProduct, ClientStatus, ClientTier, Product
from steward_core.industry.service import enable
from steward_core.plans.generation import generate, generated
from steward_core.plans.models import PlanAction, VisitPlan
from steward_core.plans.settings import VISITS
from steward_core.visits.actions import PlanAction as Action
from steward_core.visits.carrying import carry_over
from steward_core.visits.rules import ClientClass, VisitedClient, due_actions, resolve
from steward_core.visits.templates import CadencePolicy, VisitFigures, VisitTemplate
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.people.models import UserStatus
from tests.cluster import Addresses
from tests.core.factories import make_kinds
from tests.core.plans.worlds import DECEMBER, JANUARY, NOVEMBER, actions_of, done_visit, fresh_client, plan_of
from tests.factories import TESTS, make_tenant, make_unit, make_user


async def test_stars_set_how_often_retailers_are_visited(database: Database) -> None:
    """5★ weekly, 4★ every two weeks, 3★ monthly, 1–2★ every two months; a visit on the last day of October."""
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        await enable(session, "tobacco")
        manager = make_user(session)
        await session.flush()
        clients = {}
        for star in (5, 4, 3, 2, 1):
            one = fresh_client(session, manager.id, kind="retailer", tier=f"star_{star}")
            clients[one.id] = star
            await session.flush()
            done_visit(session, one.id, manager.id, date(2026, 10, 27))
    async with database.write(tenant, TESTS) as session:
        await generate(session, NOVEMBER)
        found = {clients[one.client_id]: one for one in await actions_of(session, NOVEMBER)}
    assert {star: len(one.visits) for star, one in found.items()} == {5: 4, 4: 2, 3: 1}
    assert found[5].visits == [date(2026, 11, day) for day in (3, 10, 17, 24)]
    assert found[4].visits == [date(2026, 11, 10), date(2026, 11, 24)]
    assert found[3].visits == [date(2026, 11, 27)]
    async with database.write(tenant, TESTS) as session:
        await generate(session, DECEMBER)
        found = {clients[one.client_id]: one for one in await actions_of(session, DECEMBER)}
    assert {star: (len(one.visits), one.carried) for star, one in found.items()} == {
        5: (5, 1),
        4: (3, 1),
        3: (1, 1),
        2: (1, 0),
        1: (1, 0),
    }
    assert found[2].due_on == found[1].due_on == date(2026, 12, 27)


async def test_every_client_once_a_month_and_the_first_a_week_after_installation(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        make_kinds(session)
        manager = make_user(session)
        product = Product(id=new_id(), code="P", name="宽带")
        session.add(product)
        await session.flush()
        never, installed = fresh_client(session, manager.id), fresh_client(session, manager.id)
        await session.flush()
        session.add(
            ClientProduct(
                id=new_id(),
                client_id=installed.id,
                product_id=product.id,
                started_on=date(2026, 11, 4),
            )
        )
        await session.flush()
        assert await generate(session, NOVEMBER) == 2
        found = {one.client_id: one for one in await actions_of(session, NOVEMBER)}
        assert (found[never.id].due_on, found[never.id].visits) == (date(2026, 11, 1), [date(2026, 11, 1)])
        assert found[never.id].counted_from is None
        first = found[installed.id]
        assert (first.due_on, first.first_visit, first.counted_from) == (
            date(2026, 11, 11),
            True,
            date(2026, 11, 4),
        )


async def test_what_stays_open_is_carried_over_and_counted_each_month(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        make_kinds(session)
        manager = make_user(session)
        await session.flush()
        client = fresh_client(session, manager.id)
        await session.flush()
        for month, carried in ((NOVEMBER, 0), (DECEMBER, 1), (JANUARY, 2)):
            await generate(session, month)
            (cadence,) = [one for one in await actions_of(session, month) if one.source == "visits.floor"]
            await session.refresh(cadence)
            assert (cadence.client_id, cadence.carried, cadence.due_on) == (client.id, carried, date(2026, 11, 1))
            assert cadence.visits == [month.start]
            assert await generate(session, month) == 0
        assert await actions_of(session, NOVEMBER) == await actions_of(session, DECEMBER) == []
        november, december = [await plan_of(session, manager.id, one) for one in (NOVEMBER, DECEMBER)]
        assert november is not None
        assert december is not None
        await session.refresh(november)
        await session.refresh(december)
        assert november.carried_out == 1
        assert december.carried_out == len(await actions_of(session, JANUARY))


async def test_only_active_managers_with_active_clients_have_plans(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        make_kinds(session)
        unit = make_unit(session)
        await session.flush()
        manager, gone, idle = (
            make_user(session, unit_id=unit.id),
            make_user(session, status=UserStatus.DISABLED),
            make_user(session),
        )
        await session.flush()
        for owner, status in (
            (manager.id, ClientStatus.ACTIVE),
            (manager.id, ClientStatus.PROSPECT),
            (gone.id, ClientStatus.ACTIVE),
            (idle.id, ClientStatus.PROSPECT),
            (None, ClientStatus.ACTIVE),
        ):
            fresh_client(session, owner, status=status)
        await session.flush()
        made = await generated(session, NOVEMBER)
        assert (made.plans, made.new, made.carried) == (1, 1, 0)
        plan = await plan_of(session, manager.id, NOVEMBER)
        assert plan is not None
        assert (plan.unit_id, plan.state) == (unit.id, "planned")


async def test_triggers_put_actions_into_the_plan(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        make_kinds(session)
        manager = make_user(session)
        await session.flush()
        client = fresh_client(session, manager.id, basic_confirmed_on=date(2026, 8, 20))
        done_visit(session, client.id, manager.id, date(2026, 10, 31))
        await session.flush()
        await generate(session, NOVEMBER)
        found = {one.source: one for one in await actions_of(session, NOVEMBER)}
        assert set(found) == {"clients.profile_stale", "visits.floor"}
        stale = found["clients.profile_stale"]
        assert (stale.due_on, stale.visits, stale.ground_id is not None) == (
            date(2026, 11, 20),
            [date(2026, 11, 20)],
            True,
        )


KINDS = {"retailer": "tobacco", "company": None}
TIERS = ("star_5", "star_3", "A", None)
UNITS = (("day", 1, 40), ("week", 1, 9), ("month", 1, 4), ("times_a_month", 1, 9))


def _policy(random: Random, number: int) -> CadencePolicy:
    unit, least, most = random.choice(UNITS)
    return CadencePolicy.model_validate(
        {
            "key": f"p{number}",
            "title_zh": f"规则{number}",
            "title_en": f"Rule {number}",
            "interval": {"every": random.randint(least, most), "unit": unit},
            "kinds": random.choice([(), ("retailer",), ("company",)]),
            "tiers": random.choice([(), ("A",), ("star_5", "star_3")]),
            "first_visit_days": random.choice([None, 0, 3, 30]),
        }
    )


@pytest.mark.parametrize("seed", range(6))
async def test_sql_says_what_the_rules_say(database: Database, seed: int) -> None:
    random = Random(seed)
    tenant = await make_tenant(database)
    policies = tuple(_policy(random, number) for number in range(random.randint(0, 6)))
    figures = VisitFigures(floor_binds=random.random() < 0.3, first_visit_days=random.choice([0, 7]))
    template = VisitTemplate(policies=policies, figures=figures)
    clients: dict[UUID, tuple[UUID, ClientClass]] = {}
    visits: dict[UUID, list[date]] = {}
    installed: dict[UUID, date] = {}
    async with database.write(tenant, TESTS) as session:
        session.add(
            *(ClientKind(key=key, title_zh="类", title_en="Kind", plugin=plugin or "") for key, plugin in KINDS.items())
        )
        session.add(*(ClientTier(key=tier, title_zh="级", title_en="T", rank=1) for tier in TIERS if tier))
        await set_setting(session, VISITS.key, template.model_dump(mode="json"))
        product = Product(id=new_id(), code="P", name="宽带")
        session.add(product)
        owners = [make_user(session).id for _ in range(3)]
        await session.flush()
        for _ in range(30):
            kind, tier = random.choice(list(KINDS)), random.choice(TIERS)
            far = date(2027, 6, 1)
            one = fresh_client(
                session,
                random.choice(owners),
                kind=kind,
                tier=tier,
                basic_confirmed_on=far,
                personal_confirmed_on=far,
                last_activity_on=far,
            )
            clients[one.id] = (one.owner_id or owners[0], ClientClass(KINDS[kind], kind, tier))
        await session.flush()
        for one_id, (owner, _) in clients.items():
            days = [
                date(2026, 8, 1) + timedelta(days=random.randint(0, 95)) for _ in range(random.choice([0, 1, 3, 9]))
            ]
            visits[one_id] = days
            for day in days:
                done_visit(session, one_id, owner, day)
            if random.random() < 0.4:
                installed[one_id] = date(2026, 9, 1) + timedelta(days=random.randint(0, 80))
                session.add(
                    ClientProduct(
                        id=new_id(),
                        client_id=one_id,
                        product_id=product.id,
                        started_on=installed[one_id],
                    )
                )
    resolution = resolve(
        template.model_copy(
            update={"policies": tuple(one.model_copy(update={"own": True}) for one in policies)}
        ).policies,
        {of for _, of in clients.values()},
        figures,
    )
    before: list[Action] = []
    for month in (NOVEMBER, DECEMBER, JANUARY):
        known = [
            VisitedClient(
                one_id,
                of,
                max(visits[one_id], default=None),
                sum(day >= max(visits[one_id]).replace(day=1) for day in visits[one_id]),
                installed[one_id] if installed.get(one_id, month.end) < month.end else None,
            )
            for one_id, (_, of) in clients.items()
        ]
        wanted = carry_over(before, due_actions(known, resolution, month), month)
        async with database.write(tenant, TESTS) as session:
            assert await generate(session, month) == len(wanted.carried) + len(wanted.new)
        async with database.read(tenant, TESTS) as session:
            found = await actions_of(session, month)
        assert {(one.client_id, one.source): (one.due_on, tuple(one.visits), one.carried) for one in found} == {
            (one.client_id, one.source): (one.due_on, one.visits, one.carried) for one in wanted.all
        }
        before = list(wanted.all)


@pytest.mark.parametrize("open_before", [False, True])
async def test_an_action_that_somebody_else_puts_there_meanwhile_is_not_asked_for_twice(
    database: Database, addresses: Addresses, database_name: str, open_before: bool
) -> None:
    """A client is handed over while both its managers' plans are filled: it has its action in one of them."""
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        before, now = make_user(session), make_user(session)
        await session.flush()
        moved, other = fresh_client(session, now.id), fresh_client(session, now.id)
        await session.flush()
        if open_before:
            plan = VisitPlan(id=new_id(), owner_id=now.id, month=NOVEMBER.start)
            october = date(2026, 10, 5)
            session.add(plan)
            session.add(_open_action(plan.id, other.id, "temporary:1", october))
    async with database.write(tenant, TESTS) as theirs:
        plan = VisitPlan(id=new_id(), owner_id=before.id, month=NOVEMBER.start, generated_at=datetime.now(UTC))
        theirs.add(plan)
        theirs.add(_open_action(plan.id, moved.id, "visits.floor", NOVEMBER.start))
        await theirs.flush()
        filling = asyncio.create_task(_filled(database, tenant))
        await _waits(addresses, database_name)
    await filling
    async with database.read(tenant, TESTS) as session:
        found = [(one.client_id, one.source) for one in await actions_of(session, NOVEMBER)]
    asked = [(moved.id, "visits.floor"), (other.id, "visits.floor")]
    assert sorted(found) == sorted([*asked, (other.id, "temporary:1")] if open_before else asked)


def _open_action(plan_id: UUID, client_id: UUID, source: str, due_on: date) -> PlanAction:
    return PlanAction(id=new_id(), plan_id=plan_id, client_id=client_id, source=source, due_on=due_on, visits=[due_on])


async def _filled(database: Database, tenant: UUID) -> None:
    async with database.write(tenant, TESTS) as session:
        await generate(session, NOVEMBER)


async def _waits(addresses: Addresses, database_name: str) -> None:
    """Until somebody waits for what another transaction has put there."""
    waiting = "select 1 from pg_stat_activity where datname = %s and wait_event_type = 'Lock'"
    async with asyncio.timeout(60):
        async with await psycopg.AsyncConnection.connect(addresses.superuser_dsn, autocommit=True) as superuser:
            while not await (await superuser.execute(waiting, [database_name])).fetchone():
                await asyncio.sleep(0.02)
