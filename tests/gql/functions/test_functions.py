"""Functions: what they answer to whom, and that it is of the shape that they declare."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from steward_core.gradings.models import Grading
from steward_graphql.catalogue.all import catalogues
from steward_graphql.declared.scalars import EnumKind
from steward_graphql.declared.shapes import EntityRef, ListOf, ObjectShape
from steward_graphql.functions.all import functions, subscriptions
from steward_graphql.functions.evaluation import period_named
from steward_tenants.access.permissions import PLUGINS_MANAGE, PRIVACY_DECIDE, ROLES_VIEW
from steward_tenants.errors import Forbidden, InvalidInput, NotFound, StewardError
from tests.factories import TESTS
from tests.gql.functions.shown import BY_NAME, ask
from tests.gql.world import PEOPLE, READERS, World

WHO = tuple(PEOPLE)
PLAIN = ("tenant", "viewer", "settings", "permissions", "effectiveGrants", "navigation", "advisors", "inbox")
"""Open to anyone signed in."""


def test_every_name_stands_for_one_thing() -> None:
    entities = {entity.name for catalogue in catalogues() for entity in catalogue.entities}
    roots = {root.name for catalogue in catalogues() for root in catalogue.roots}
    names = [one.name for one in functions()]
    assert len(set(names)) == len(names)
    assert not roots & set(names)
    seen: dict[str, Any] = {}

    def walk(shape: Any) -> None:
        if isinstance(shape, ListOf):
            walk(shape.item)
        elif isinstance(shape, EntityRef):
            assert shape.entity in entities, shape.entity
        elif isinstance(shape, ObjectShape | EnumKind):
            assert shape.name not in entities
            if shape.name in seen:
                assert seen[shape.name] is shape, shape.name
                return
            seen[shape.name] = shape
            assert any("\u4e00" <= character <= "\u9fff" for character in shape.text.zh)
            for part in shape.parts if isinstance(shape, ObjectShape) else ():
                walk(part.shape)

    every: tuple[Any, ...] = (*functions(), *subscriptions())
    for one in every:
        walk(one.result)
        for argument in one.arguments:
            walk(argument.kind)


@pytest.mark.parametrize("letter", ["A", "B", "C"])
@pytest.mark.parametrize("who", WHO)
async def test_functions_without_arguments(world: World, letter: str, who: str) -> None:
    tenant = world[letter]
    for one in functions():
        if any(argument.required for argument in one.arguments):
            continue
        try:
            await ask(world.database, tenant, who, one.name)
        except Forbidden:
            assert one.name not in PLAIN


async def test_tenant_and_viewer(world: World) -> None:
    tenant = world["C"]
    here = await ask(world.database, tenant, "nobody", "tenant")
    assert (here["id"], here["plugins"], here["today"]) == (tenant.id, ["telecom", "tobacco"], tenant.day)
    viewer = await ask(world.database, tenant, "lead", "viewer")
    assert viewer["person"] == tenant.people["lead"].id
    assert viewer["grants"][0]["scope"] == "subtree"
    assert viewer["permissions"] == sorted(tenant.actors["lead"].permissions)
    assert viewer["scopes"] is None
    assert (await ask(world.database, tenant, "nobody", "viewer"))["grants"] == []


async def test_settings_tell_who_may_change_them(world: World) -> None:
    tenant = world["A"]
    admin = {one["key"]: one for one in await ask(world.database, tenant, "admin", "settings")}
    boss = {one["key"]: one for one in await ask(world.database, tenant, "boss", "settings")}
    assert admin["files.megabytes"]["mayChange"]
    assert not boss["files.megabytes"]["mayChange"]
    assert admin["files.megabytes"]["schema"]["maximum"] == 1024
    one = await ask(world.database, tenant, "boss", "settings", keys=["files.megabytes"])
    assert [line["key"] for line in one] == ["files.megabytes"]
    with pytest.raises(InvalidInput):
        await ask(world.database, tenant, "boss", "settings", keys=["none.such"])


@pytest.mark.parametrize("who", READERS)
async def test_who_holds_what(world: World, who: str) -> None:
    tenant = world["A"]
    other = tenant.people["am2"].id
    may = ROLES_VIEW.key in tenant.actors[who].permissions
    for name, arguments in (("effectiveGrants", {"person_id": other}), ("holdersOf", {"permission": "clients.view"})):
        try:
            found = await ask(world.database, tenant, who, name, **arguments)
            assert may
            assert found
        except Forbidden:
            assert not may
    with pytest.raises(StewardError):
        await ask(world.database, tenant, "security", "holdersOf", permission="none.such")
    lines = await ask(world.database, tenant, "security", "holdersOf", permission="clients.view", first=1)
    assert len(lines) == 1


@pytest.mark.parametrize("who", READERS)
async def test_plugins_are_the_administrators(world: World, who: str) -> None:
    tenant = world["C"]
    for name, arguments in (
        ("plugins", {}),
        ("pluginSettings", {"plugin": "tobacco"}),
        ("pluginFaults", {}),
        ("pluginPlan", {"plugin": "telecom"}),
    ):
        if PLUGINS_MANAGE.key in tenant.actors[who].permissions:
            continue
        with pytest.raises(Forbidden):
            await ask(world.database, tenant, who, name, **arguments)
    plugins = {one["key"]: one for one in await ask(world.database, tenant, "admin", "plugins")}
    assert plugins["telecom"]["enabled"]
    assert plugins["telecom"]["working"]
    assert await ask(world.database, tenant, "admin", "pluginSettings", plugin="tobacco")
    assert (await ask(world.database, tenant, "admin", "pluginPlan", plugin="telecom"))["enabled"]


async def test_forms_navigation_and_contributions(world: World) -> None:
    forms = await ask(world.database, world["A"], "am1", "forms")
    assert forms
    assert all(one["plugin"] == "telecom" for one in forms)
    one = await ask(world.database, world["A"], "am1", "forms", key=forms[0]["key"])
    assert [line["key"] for line in one] == [forms[0]["key"]]
    assert one[0]["schemaEn"]["title"] == one[0]["title"]["en"]
    assert one[0]["schemaZh"]["title"] == one[0]["title"]["zhCN"]
    brought = await ask(world.database, world["A"], "nobody", "contributions", part="forms")
    assert {line["key"] for line in brought} == {line["key"] for line in forms}
    assert await ask(world.database, world["C"], "nobody", "navigation")
    with pytest.raises(Forbidden):
        await ask(world.database, world["A"], "nobody", "forms")
    with pytest.raises(InvalidInput):
        await ask(world.database, world["A"], "nobody", "contributions", part="secrets")


async def test_clients_are_searched_in_reach(world: World) -> None:
    tenant = world["A"]
    clients = {row.id: row for row in tenant.rows["client"]}
    own = [row for row in clients.values() if row.owner_id == tenant.people["am1"].id and row.status == "active"]
    others = [row for row in clients.values() if row.owner_id == tenant.people["am2"].id]
    assert own
    assert others
    for first in (0, 101):
        with pytest.raises(InvalidInput):
            await ask(world.database, tenant, "am1", "clientSearch", text="测试", first=first)
    with pytest.raises(Forbidden):
        await ask(world.database, tenant, "nobody", "clientSearch", text="测试")
    tree = await ask(world.database, tenant, "am1", "clientTree", client_id=own[0].id)
    assert tree[0]["id"] == own[0].id
    with pytest.raises(NotFound):
        await ask(world.database, tenant, "am1", "clientTree", client_id=others[0].id)
    pool = await ask(world.database, tenant, "boss", "clientPool")
    assert all(clients[line["id"]].owner_id is None for line in pool["clients"])
    shown = str(pool) + str(await ask(world.database, tenant, "boss", "clientFreshness"))
    assert not any(value in shown for value in tenant.sensitive)
    twins = await ask(world.database, tenant, "am1", "possibleDuplicates", name=others[0].name, region=others[0].region)
    assert all(one["id"] is None and one["name"] is None for one in twins if not one["inReach"])


async def test_triggers_and_indicators(world: World) -> None:
    tenant = world["C"]
    own = {row.id for row in tenant.rows["client"] if tenant.people["am1"].id in (row.owner_id, row.deputy_id)}
    for one in await ask(world.database, tenant, "am1", "triggers"):
        found = await ask(world.database, tenant, "am1", "triggerRows", key=one["key"], first=100)
        assert found["faults"] == []
        assert {row["clientId"] for row in found["rows"]} <= own
        some = sorted({row["clientId"] for row in found["rows"]})[:1]
        again = await ask(world.database, tenant, "am1", "triggerRows", key=one["key"], client_ids=some, first=100)
        assert again["rows"] == [row for row in found["rows"] if row["clientId"] in some]
    due = await ask(world.database, tenant, "am1", "clientTriggers", client_id=min(own))
    assert {row["clientId"] for row in due["rows"]} <= {min(own)}
    for one in await ask(world.database, tenant, "boss", "indicators"):
        figures = await ask(world.database, tenant, "boss", "indicatorRows", key=one["key"], period="2026Q4")
        assert figures["faults"] == []
        assert figures["start"] == date(2026, 10, 1)
    for name, arguments in (("triggers", {}), ("indicatorRows", {"key": "x.y"})):
        with pytest.raises(Forbidden):
            await ask(world.database, tenant, "nobody", name, **arguments)
    with pytest.raises(NotFound):
        await ask(world.database, tenant, "boss", "triggerRows", key="none.such", client_ids=[])
    with pytest.raises(InvalidInput):
        await ask(world.database, tenant, "boss", "advice", advisor="none.such", question="text")


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("2026", date(2026, 1, 1), date(2027, 1, 1)),
        ("2026H2", date(2026, 7, 1), date(2027, 1, 1)),
        ("2026Q1", date(2026, 1, 1), date(2026, 4, 1)),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1)),
        (None, date(2026, 11, 1), date(2026, 12, 1)),
    ],
)
def test_periods(name: str | None, start: date, end: date) -> None:
    period = period_named(name, date(2026, 11, 22))
    assert (period.start, period.end) == (start, end)


@pytest.mark.parametrize("name", ["2026-13", "26Q1", "2026Q5", "1926", "2026-1", "2026Q1H1", "２０２６"])
def test_no_periods(name: str) -> None:
    with pytest.raises(InvalidInput):
        period_named(name, date(2026, 11, 22))


async def test_gradings_explained(world: World) -> None:
    tenant = world["B"]
    async with world.database.read(tenant.id, TESTS) as session:
        ids = await session.scalars(select(Grading.id).where(session.within(Grading)))
    assert ids
    for grading in ids:
        seen = await ask(world.database, tenant, "boss", "gradingPreview", id=grading, first=2)
        assert seen["grading"] == grading
        assert seen["distribution"]["clients"] >= len(seen["results"])
        for line in seen["results"]:
            results = await ask(world.database, tenant, "boss", "gradingResultsOfClient", client_id=line["clientId"])
            assert all(one["clientId"] == line["clientId"] for one in results)
        with pytest.raises(Forbidden):
            await ask(world.database, tenant, "nobody", "gradingPreview", id=grading)
    with pytest.raises(Forbidden):
        await ask(world.database, tenant, "nobody", "gradingReplay", id=ids[0])


async def test_the_configuration_is_what_one_may_read(world: World) -> None:
    tenant = world["A"]
    whole = await ask(world.database, tenant, "admin", "configuration")
    assert whole["tenant"]
    few = await ask(world.database, tenant, "nobody", "configuration")
    assert set(few) < set(whole)
    with pytest.raises(Forbidden):
        await ask(world.database, tenant, "nobody", "configuration", sections=["roles"])
    assert not any(
        change["kind"] == "added"
        for change in await ask(world.database, tenant, "admin", "configurationChanges", document=whole)
    )
    with pytest.raises(InvalidInput):
        await ask(world.database, tenant, "admin", "configurationChanges", document=[])


async def test_privacy_previews_count_and_show_nothing(world: World) -> None:
    tenant = world["A"]
    requests = tenant.rows.get("privacy_request", [])
    for request in requests:
        for who in WHO:
            if PRIVACY_DECIDE.key in tenant.actors[who].permissions:
                seen = await ask(world.database, tenant, who, "privacyPreview", request_id=request.id)
                assert seen["sources"]
                assert not any(value in str(seen) for value in tenant.sensitive)
            else:
                with pytest.raises(Forbidden):
                    await ask(world.database, tenant, who, "privacyPreview", request_id=request.id)


@pytest.mark.parametrize("who", READERS)
async def test_ids_of_other_tenants_lead_nowhere(world: World, who: str) -> None:
    tenant, other = world["A"], world["B"]
    client, person = other.rows["client"][0].id, other.people["am1"].id
    for name, arguments in (
        ("clientTree", {"client_id": client}),
        ("clientTriggers", {"client_id": client}),
        ("gradingResultsOfClient", {"client_id": client}),
        ("effectiveGrants", {"person_id": person}),
        ("possibleDuplicates", {"name": other.rows["client"][0].name}),
        ("clientSearch", {"text": other.rows["client"][0].name[:8]}),
    ):
        assert name in BY_NAME
        try:
            found = await ask(world.database, tenant, who, name, **arguments)
        except StewardError:
            continue
        assert not any(mark in str(found) for mark in other.marks)
        assert str(client) not in str(found)
        if name != "clientSearch":
            assert found in ([], {"rows": [], "faults": []})
