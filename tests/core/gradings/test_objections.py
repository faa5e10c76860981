"""Who sees and decides what of a grading, and objections."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from steward_core.clients.models import Client
from steward_core.gradings.binding import bind
from steward_core.gradings.errors import (
    GradingNotFound,
    GradingNotOpen,
    GradingOutdated,
    NothingUpheld,
    ObjectionNotFound,
    ObjectionTooLate,
    OwnGrading,
    ResultNotFound,
)
from steward_core.gradings.models import Grading
from steward_core.gradings.objections import decide_objection, objections, raise_objection, withdraw_objection
from steward_core.gradings.queries import gradings, preview
from steward_core.gradings.replay import replay
from steward_core.gradings.service import discard, regrade, request_grading
from steward_core.gradings.settings import OBJECTION_DAYS, TWO_PEOPLE
from steward_core.permissions import (
    GRADINGS_BIND,
    GRADINGS_DECIDE,
    GRADINGS_OBJECT,
    GRADINGS_RUN,
    GRADINGS_VIEW,
)
from steward_core.runs.service import drive
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.organisation.errors import UnitNotFound
from tests.core.gradings.county import (
    SCHEME,
    TODAY,
    TOOLS,
    bound,
    fill_county,
    graded,
    indexed,
    make_county,
    states,
    tiers,
)
from tests.factories import TESTS, actor_with, make_user

ALL = (GRADINGS_VIEW, GRADINGS_RUN, GRADINGS_BIND, GRADINGS_OBJECT, GRADINGS_DECIDE)
SUPERVISOR = actor_with(*ALL)
SECOND = actor_with(*ALL)


async def test_everybody_sees_the_results_of_their_own_clients_alone(database: Database) -> None:
    county = await make_county(database, 12)
    await fill_county(database, county)
    async with database.write(county.tenant_id, TESTS) as session:
        manager = make_user(session, unit_id=county.unit_id)
        stranger = make_user(session)
        await session.flush()
        await session.execute(
            update(Client).where(session.within(Client), Client.id.in_(county.clients[:4])).values(owner_id=manager.id)
        )
    grading = await graded(database, county)
    own = actor_with(GRADINGS_VIEW, GRADINGS_OBJECT, scope=Scope.OWN, user=manager)
    foreign = actor_with(*ALL, scope=Scope.OWN, user=stranger)
    async with database.write(county.tenant_id, own) as session:
        seen = await preview(session, grading.id, today=TODAY)
        assert {line.client_id for line in seen.results} == set(county.clients[:4])
        assert seen.distribution.clients == 4
        assert [one.id for one in await gradings(session, today=TODAY)] == [grading.id]
        raised = await raise_objection(session, grading.id, county.clients[0], "数据有误", today=TODAY)
        with pytest.raises(ResultNotFound):
            await raise_objection(session, grading.id, county.clients[5], "数据有误", today=TODAY)
        with pytest.raises(Forbidden):
            await bind(session, grading.id, "通过", today=TODAY)
        with pytest.raises(GradingNotFound):
            await replay(session, grading.id, today=TODAY)
        await withdraw_objection(session, raised.id, today=TODAY)
        assert [one.status for one in await objections(session, grading.id, today=TODAY)] == ["withdrawn"]
    async with database.write(county.tenant_id, foreign) as session:
        assert await gradings(session, today=TODAY) == []
        with pytest.raises(GradingNotFound):
            await preview(session, grading.id, today=TODAY)
        with pytest.raises(GradingNotFound):
            await bind(session, grading.id, "通过", today=TODAY)
        with pytest.raises(ObjectionNotFound):
            await decide_objection(session, raised.id, upheld=False, reason="无", today=TODAY)
        with pytest.raises(UnitNotFound):
            await request_grading(session, SCHEME, county.unit_id, today=TODAY)


async def test_who_asked_does_not_bind_where_the_tenant_wants_two(database: Database) -> None:
    county = await make_county(database, 2)
    async with database.write(county.tenant_id, TESTS) as session:
        await set_setting(session, TWO_PEOPLE.key, True)
    grading = await graded(database, county, SUPERVISOR)
    async with database.write(county.tenant_id, SUPERVISOR) as session:
        with pytest.raises(OwnGrading):
            await bind(session, grading.id, "通过", today=TODAY)
        with pytest.raises(InvalidInput):
            await bind(session, grading.id, "  ", today=TODAY)
    await bound(database, county, grading, SECOND)


async def test_objections_end_some_days_after_binding(database: Database) -> None:
    county = await make_county(database, 3)
    grading = await graded(database, county)
    await bound(database, county, grading)
    async with database.write(county.tenant_id, SUPERVISOR) as session:
        raised = await raise_objection(session, grading.id, county.clients[0], "数据有误", today=TODAY)
    async with database.write(county.tenant_id, TESTS) as session:
        await decide_objection(session, raised.id, upheld=False, reason="经核对无误", today=TODAY)
        with pytest.raises(NothingUpheld):
            await regrade(session, grading.id, today=TODAY)
        await set_setting(session, OBJECTION_DAYS.key, 3)
        await session.execute(
            update(Grading)
            .where(session.within(Grading), Grading.id == grading.id)
            .values(bound_at=datetime.now(UTC) - timedelta(days=3, minutes=1))
        )
    async with database.write(county.tenant_id, SUPERVISOR) as session:
        with pytest.raises(ObjectionTooLate):
            await raise_objection(session, grading.id, county.clients[1], "数据有误", today=TODAY)


async def test_claims_and_corrections_are_inputs_of_the_form(database: Database) -> None:
    county = await make_county(database, 1)
    grading = await graded(database, county)
    async with database.write(county.tenant_id, SUPERVISOR) as session:
        with pytest.raises(InvalidInput) as refused:
            await raise_objection(
                session,
                grading.id,
                county.clients[0],
                "有误",
                today=TODAY,
                claimed={"star": 5, "cartons": -1, "orders_due": "many"},
            )
    assert {problem.path for problem in refused.value.problems} == {
        ("claimed", "star"),
        ("claimed", "cartons"),
        ("claimed", "orders_due"),
    }


async def test_a_bound_grading_is_graded_again_and_its_former_revision_superseded(database: Database) -> None:
    county = await make_county(database, 20)
    await fill_county(database, county)
    first = await graded(database, county)
    await bound(database, county, first)
    async with database.write(county.tenant_id, SUPERVISOR) as session:
        raised = await raise_objection(session, first.id, county.clients[3], "有违规未登记", today=TODAY)
    async with database.write(county.tenant_id, SECOND) as session:
        await decide_objection(
            session, raised.id, upheld=True, reason="属实", today=TODAY, corrections={"major_violations": 1}
        )
        second, run = await regrade(session, first.id, today=TODAY)
        with pytest.raises(GradingOutdated):
            await regrade(session, first.id, today=TODAY)
    await drive(database, county.tenant_id, SECOND, run.id, TOOLS)
    assert await states(database, county, first) == {"bound"}
    await bound(database, county, second)
    assert await states(database, county, first) == {"superseded"}
    assert await indexed(database, county, "star") == 20
    assert (await tiers(database, county))[county.clients[3]] == "star_1"
    async with database.write(county.tenant_id, TESTS) as session:
        with pytest.raises(GradingNotOpen):
            await raise_objection(session, first.id, county.clients[4], "有误", today=TODAY)
        with pytest.raises(GradingNotOpen):
            await discard(session, second.id, today=TODAY)
