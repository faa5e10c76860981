"""A tenant's own policies and figures: set, refused with reasons, seen before they hold."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from steward_core.clients.models import ClientKind
from steward_core.industry.service import enable
from steward_core.permissions import CLIENTS_VIEW
from steward_core.plans.errors import PolicyNotFound
from steward_core.plans.settings import (
    foreseen,
    preview,
    remove_policy,
    set_policies,
    set_policy,
    template_in_force,
)
from steward_core.visits.templates import VisitFigures
from steward_tenants.configuration.errors import SettingChangedMeanwhile
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from tests.core.factories import make_kinds, make_tiers
from tests.core.plans.worlds import fresh_client
from tests.factories import TESTS, actor_with, make_tenant, make_user

DAY = date(2026, 11, 3)
OWN: dict[str, Any] = {
    "key": "tobacco.star_3",
    "title_zh": "三星每两周",
    "title_en": "3★ every two weeks",
    "industry": "tobacco",
    "kinds": ["retailer"],
    "tiers": ["star_3"],
    "interval": {"every": 2, "unit": "week"},
}


async def test_figures_of_the_domain_hold_until_a_tenant_sets_others(database: Database) -> None:
    """4 visits a working day, 8 at most, 20 distinct clients, first visit after a week, every client once a month."""
    tenant = await make_tenant(database)
    async with database.read(tenant, TESTS) as session:
        figures = (await template_in_force(session)).figures
    assert (figures.least_visits_a_day, figures.most_visits_a_day, figures.distinct_clients) == (4, 8, 20)
    assert (figures.first_visit_days, figures.floor.every, figures.floor.unit.value) == (7, 1, "month")


async def test_which_policy_holds_for_each_class_and_why(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        await enable(session, "tobacco")
        make_kinds(session, "company")
        owner = make_user(session).id
        await session.flush()
        for kind, tier in (("retailer", "star_3"), ("retailer", "star_3"), ("company", None)):
            fresh_client(session, owner, kind=kind, tier=tier)
    async with database.write(tenant, TESTS) as session:
        declared = {(one.of.kind, one.of.tier): one for one in await preview(session, DAY)}
        assert declared["retailer", "star_3"].held.policy.key == "tobacco.star_3"
        assert declared["retailer", "star_3"].clients == 2
        assert declared["company", None].held.policy.key == "visits.floor"
        assert declared["retailer", "star_3"].held.interval.text.en == "every month"
        seen = {one.of.kind: one for one in await foreseen(session, DAY, {"policies": [OWN]})}
        assert seen["retailer"].held.interval.text.en == "every 2 weeks"
        assert (await preview(session, DAY))[1].held.interval.text.en == "every month"  # nothing was set
        await set_policy(session, OWN)
        held = {one.of.kind: one for one in await preview(session, DAY)}["retailer"].held
        assert (held.interval.text.en, held.policy.own) == ("every 2 weeks", True)
        assert any("先于" in line.zh for line in held.lines)
        await set_policy(session, {**OWN, "active": False})
        off = {one.of.kind: one for one in await preview(session, DAY)}["retailer"].held
        assert off.policy.key != "tobacco.star_3"
        await remove_policy(session, "tobacco.star_3")
        with pytest.raises(PolicyNotFound):
            await remove_policy(session, "tobacco.star_3")


async def test_what_cannot_hold_is_refused_field_by_field(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        make_tiers(session)
        session.add(ClientKind(key="company", title_zh="公司", title_en="Company"))
        await session.flush()
        for document, path in (
            ({"policies": [{**OWN, "industry": None, "kinds": [], "tiers": ["S"]}]}, ("policies", "0", "tiers")),
            ({"policies": [{**OWN, "industry": None, "kinds": ["shop"], "tiers": []}]}, ("policies", "0", "kinds")),
            ({"figures": {"least_visits_a_day": 9, "most_visits_a_day": 8}}, ("figures",)),
            ({"policies": [{**OWN, "interval": {"every": 60, "unit": "week"}}]}, ("policies", "0", "interval")),
        ):
            with pytest.raises(InvalidInput) as refused:
                await set_policies(session, document)
            assert refused.value.problems[0].path[: len(path)] == path
        figures = VisitFigures(most_visits_a_day=10).model_dump(mode="json")
        await set_policies(session, {"figures": figures}, expected_version=0)
        assert (await template_in_force(session)).figures.most_visits_a_day == 10
        with pytest.raises(SettingChangedMeanwhile):
            await set_policies(session, {"figures": figures}, expected_version=0)
    async with database.write(tenant, actor_with(CLIENTS_VIEW)) as session:
        with pytest.raises(Forbidden):
            await set_policies(session, {})
