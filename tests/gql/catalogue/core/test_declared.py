"""Every declared field, link, reach and filter of the core's types builds and runs."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from sqlalchemy import ARRAY, Text, literal, select

from steward_graphql.declared.entities import ListRoot, Many, One, Value, camel
from steward_graphql.declared.scalars import EnumKind
from steward_tenants.database.actor import Scope
from steward_tenants.texts import Bilingual
from tests.factories import actor_with
from tests.gql.catalogue.core.statements import ALL, ENTITIES, MODULES, Place
from tests.gql.world import World

ROOTS = [root for module in MODULES for root in module.CATALOGUE.roots]
KNOWN_LATER = frozenset({"FormRecord", "OtherFormRecord"})


def _chinese(text: str) -> bool:
    return bool(re.search(r"[\u4e00-\u9fff]", text))


def _texts() -> list[tuple[str, Bilingual]]:
    found = [(f"root {root.name}", root.text) for root in ROOTS]
    for entity in ENTITIES.values():
        found.append((entity.name, entity.text))
        found += [(f"{entity.name}.{one.name}", one.text) for one in (*entity.fields, *entity.specials)]
        for one in entity.fields:
            if isinstance(one, Value) and isinstance(one.kind, EnumKind):
                found += [(f"{one.kind.name}.{key}", text) for key, text in one.kind.members]
    return found


@pytest.mark.parametrize(("place", "text"), [pytest.param(*one, id=one[0]) for one in dict(_texts()).items()])
def test_texts_are_in_both_languages_without_a_full_stop(place: str, text: Bilingual) -> None:
    assert _chinese(text.zh), place
    assert text.en, place
    assert not _chinese(text.en), place
    assert text.zh[-1] not in "。.", place
    assert text.en[-1] not in "。.", place


def test_names_stand_once() -> None:
    names = [root.name for root in ROOTS]
    assert len(names) == len(set(names))
    for entity in ENTITIES.values():
        fields = [one.name for one in (*entity.fields, *entity.specials)]
        assert len(fields) == len(set(fields)), entity.name
    for root in ROOTS:
        assert root.entity in ENTITIES


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES)
def test_keys_orders_and_links_name_what_is_there(entity: Any) -> None:
    for name in entity.key:
        assert hasattr(entity.table, name)
    for name, _ in entity.order:
        assert entity.value(name).order, name
    for one in entity.fields:
        if isinstance(one, One | Many) and one.target in ENTITIES:
            assert one.target in ALL
    if entity.node:
        assert entity.key == ("id",)
        assert entity.value("id")


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES)
def test_masked_columns_are_shown_masked_only(entity: Any) -> None:
    sensitive = {camel(name) for name in entity.kind.fields} if entity.kind is not None else set()
    for name in sensitive:
        assert entity.value(name).masked
    assert not [one.name for one in entity.fields if "phone_tail" in one.name.lower()]


def test_granted_links_follow_the_same_permission() -> None:
    for entity in ENTITIES.values():
        for one in entity.fields:
            if isinstance(one, One | Many) and one.granted:
                target = ALL[one.target]
                assert target.view in (None, entity.view), f"{entity.name}.{one.name}"


async def test_every_value_runs(world: World) -> None:
    tenant = world["C"]
    place = Place(tenant.actors["boss"])
    async with world.database.read(tenant.id, tenant.actors["boss"]) as session:
        for entity in ENTITIES.values():
            row = place.row(entity)
            values = [one for one in entity.fields if isinstance(one, Value)]
            for one in values:
                expression = one.expression(row)
                shown = expression if one.listed else one.kind.as_json(expression)
                statement = select(shown).where(*place.in_reach(entity, row)).limit(3)
                found = await place.run(session, statement, tenant.day)
                if not one.nullable:
                    assert all(value is not None for (value,) in found), f"{entity.name}.{one.name}"
                if one.expression_by is not None:
                    keys = literal(["none", "such"], ARRAY(Text()))
                    await place.run(
                        session, select(one.expression_by(row, keys)).where(row.within(row.table)), tenant.day
                    )
            for one in values:
                if one.order:
                    ordered = (
                        select(one.expression(row)).where(*place.in_reach(entity, row)).order_by(one.expression(row))
                    )
                    await place.run(session, ordered, tenant.day)


async def test_every_link_runs(world: World) -> None:
    tenant = world["C"]
    place = Place(tenant.actors["lead"])
    async with world.database.read(tenant.id, tenant.actors["lead"]) as session:
        for entity in ENTITIES.values():
            for one in entity.fields:
                if not isinstance(one, One | Many) or one.target not in ALL:
                    continue
                target = ALL[one.target]
                source, other = place.row(entity), place.row(target)
                statement = select(getattr(source.table, entity.key[0])).where(
                    source.within(source.table), *place.in_reach(target, other), one.link(source, other)
                )
                await place.run(session, statement.limit(2), tenant.day)


@pytest.mark.parametrize("scope", [*Scope, None])
async def test_every_reach_runs_in_every_scope(world: World, scope: Scope | None) -> None:
    tenant = world["C"]
    views = {entity.view for entity in ENTITIES.values() if entity.view is not None}
    granted = views if scope is not None else set()
    actor = actor_with(*granted, scope=scope or Scope.ALL, user=tenant.people["am1"])
    place = Place(actor)
    async with world.database.read(tenant.id, actor) as session:
        for entity in ENTITIES.values():
            found = await place.keys(session, entity, tenant.day)
            if scope is None and entity.view is not None:
                assert not found, entity.name


async def test_every_filter_builds_and_runs(world: World) -> None:
    tenant = world["A"]
    given: dict[str, list[Any]] = {
        "search": ["客户甲", "kh"],
        "inUnit": [tenant.units["hq"].id],
        "mine": [True, False],
        "inPool": [True, False],
        "stale": [True, False],
        "inArrears": [True, False],
        "contractEndsWithin": [0, 365],
        "custom": [[]],
        "person": [tenant.people["lead"].id],
    }
    actor = tenant.actors["boss"]
    place = Place(actor)
    async with world.database.read(tenant.id, actor) as session:
        for entity in ENTITIES.values():
            for special in entity.specials:
                found = []
                for value in given[special.name]:
                    condition = await special.prepare(session, value, tenant.day)
                    found.append(await place.keys(session, entity, tenant.day, condition))
                if given[special.name] == [True, False]:
                    everything = await place.keys(session, entity, tenant.day)
                    assert found[0] | found[1] == everything, special.name
                    assert not found[0] & found[1], special.name


def test_lists_have_a_default_order() -> None:
    for root in ROOTS:
        if isinstance(root, ListRoot):
            assert ENTITIES[root.entity].order, root.name


def test_generated_type_names_do_not_clash() -> None:
    endings: tuple[str, ...] = (
        "",
        "Connection",
        "Edge",
        "Aggregate",
        "Sums",
        "Figures",
        "Averages",
        "GroupField",
        "GroupKey",
        "Group",
    )
    endings += ("Filter", "ManyFilter", "Order", "OrderField")
    made = [name + ending for name, ending in itertools.product(ALL, endings)]
    kinds = {
        one.kind.name: one.kind
        for entity in ENTITIES.values()
        for one in entity.fields
        if isinstance(one, Value) and isinstance(one.kind, EnumKind)
    }
    made += [name + ending for name, ending in itertools.product(kinds, ("", "Filter", "ListFilter"))]
    made += [special.shape_name for special in ENTITIES["Client"].specials if special.shape_name]
    assert len(made) == len(set(made)), sorted({name for name in made if made.count(name) > 1})
