"""Every declared expression, link and rule is SQL that the database takes."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from steward_graphql.catalogue import access, administration, audit, organisation, people
from steward_graphql.catalogue.all import catalogues
from steward_graphql.declared.entities import Entity, ListRoot, Many, One, Value
from steward_graphql.declared.scalars import EnumKind
from tests.gql.catalogue.tenants.reading import Reading, values_of
from tests.gql.world import World

CATALOGUES = (people, organisation, access, audit, administration)
ENTITIES = {entity.name: entity for module in CATALOGUES for entity in module.CATALOGUE.entities}
ALL = {entity.name: entity for catalogue in catalogues() for entity in catalogue.entities}
SECRETS = ("secret", "token_digest", "phone_tail", "account_id", "digest", "refresh")


@pytest.mark.parametrize("name", sorted(ENTITIES))
@pytest.mark.parametrize("who", ["boss", "am1", "security", "auditor", "nobody"])
async def test_every_expression_runs(world: World, name: str, who: str) -> None:
    tenant = world.tenants["A"]
    reading = Reading(world.database, tenant.id, tenant.actors[who], tenant.day)
    entity = ENTITIES[name]
    row = reading.row(entity)
    columns = [entity.value(value).expression(row).label(value) for value in values_of(entity)]
    statement = select(*columns).select_from(row.table).where(*reading.conditions(entity, row)).limit(0)
    assert await reading.run(statement) == []


@pytest.mark.parametrize("name", sorted(ENTITIES))
async def test_every_link_runs(world: World, name: str) -> None:
    tenant = world.tenants["A"]
    reading = Reading(world.database, tenant.id, tenant.actors["boss"], tenant.day)
    entity = ENTITIES[name]
    for field in entity.fields:
        if not isinstance(field, One | Many):
            continue
        source, target = reading.row(entity), reading.row(ALL[field.target])
        statement = (
            select(source.table.tenant_id)
            .select_from(source.table)
            .join(target.table, field.link(source, target))
            .where(source.within(source.table), target.within(target.table))
            .limit(0)
        )
        assert await reading.run(statement) == []


@pytest.mark.parametrize("name", sorted(ENTITIES))
async def test_every_special_filter_runs(world: World, name: str) -> None:
    tenant = world.tenants["A"]
    reading = Reading(world.database, tenant.id, tenant.actors["boss"], tenant.day)
    entity = ENTITIES[name]
    for special in entity.specials:
        given = tenant.units["east"].id if special.kind is not None and special.kind.name == "ID" else "people."
        async with world.database.read(tenant.id, reading.actor) as session:
            condition = await special.prepare(session, given, tenant.day)
        row = reading.row(entity)
        statement = select(row.table.tenant_id).where(row.within(row.table), condition(row)).limit(0)
        assert await reading.run(statement) == []


def test_names_of_roots_and_lists_stand_once() -> None:
    roots = [root.name for module in CATALOGUES for root in module.CATALOGUE.roots]
    kinds: dict[str, EnumKind] = {}
    for entity in ENTITIES.values():
        assert len(entity.by_name) == len(entity.fields), entity.name
        for field in entity.fields:
            if isinstance(field, Value) and isinstance(field.kind, EnumKind):
                assert kinds.setdefault(field.kind.name, field.kind) is field.kind
    assert len(set(roots)) == len(roots)
    listed = {root.entity for module in CATALOGUES for root in module.CATALOGUE.roots if isinstance(root, ListRoot)}
    assert set(ENTITIES) - listed == {"UnitPlacement"}


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda entity: entity.name)
def test_texts_are_in_both_languages_and_no_secret_is_a_field(entity: Entity) -> None:
    for text in (entity.text, *(field.text for field in entity.fields), *(one.text for one in entity.specials)):
        assert any("\u4e00" <= character <= "\u9fff" for character in text.zh) or text.zh.startswith("OAuth")
        assert text.en.isascii() or "…" in text.en or "→" in text.en
    for field in entity.fields:
        assert not any(field.name.lower().startswith(secret.replace("_", "")) for secret in SECRETS), field.name
