"""The APIs of sets of plugins, as they are declared."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from graphql import get_introspection_query, graphql_sync, validate_schema

from steward_core.custom_fields.models import CustomField
from steward_core.industry.declarations import Industry
from steward_core.industry.hookspecs import hookimpl
from steward_core.industry.registry import registered
from steward_graphql.declared.api import Api
from steward_graphql.schema.registry import MOST_SETS, Registry, api_for
from steward_graphql.schema.sdl import PUBLISHED, sdl
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from tests.factories import TESTS, make_tenant
from tests.gql.schema.forms import INDUSTRY
from tests.gql.schema.walk import described

CHINESE = re.compile(r"[\u4e00-\u9fff]")
BOTH = re.compile(r"(.+?)\u3002.*[A-Za-z].*\.", re.DOTALL)
WHOLE = "telecom+tobacco"
NAMES = frozenset({"CSV", "Excel", "OAuth client_id"})
"""What is called the same in Chinese."""


@pytest.fixture(params=sorted(PUBLISHED))
def api(request: pytest.FixtureRequest) -> Api:
    """Each published API."""
    return api_for(PUBLISHED[request.param])


def test_it_is_valid(api: Api) -> None:
    assert validate_schema(api.schema) == []


@pytest.mark.parametrize(
    "name", [name if name == WHOLE else pytest.param(name, marks=pytest.mark.full) for name in sorted(PUBLISHED)]
)
def test_it_can_be_introspected(name: str) -> None:
    """The whole one has every type that the others have."""
    whole, schema = api_for(PUBLISHED[WHOLE]).schema, api_for(PUBLISHED[name]).schema
    assert set(schema.type_map) <= set(whole.type_map)
    assert graphql_sync(schema, get_introspection_query()).errors is None


def test_everything_has_a_description_in_both_languages(api: Api) -> None:
    assert [place for place, text in described(api.schema) if not in_both_languages(text or "")] == []


def in_both_languages(text: str) -> bool:
    """Whether a description has a Chinese text and an English one."""
    found = BOTH.fullmatch(text)
    return found is not None and (CHINESE.search(found[1]) is not None or found[1] in NAMES)


def test_every_entity_has_its_type_and_every_root_its_field(api: Api) -> None:
    query = api.schema.query_type
    assert query is not None

    assert set(query.fields) == {*api.roots, *api.functions, "node", "nodes"}
    assert set(api.entities) <= set(api.schema.type_map)
    if api.mutations:
        assert api.schema.mutation_type is not None
        assert set(api.schema.mutation_type.fields) == set(api.mutations)


def test_default_orders_and_references_exist(api: Api) -> None:
    for entity in api.entities.values():
        for name, _ in entity.order:
            assert entity.value(name).order, f"{entity.name} is ordered by {name}, which clients cannot ask for"
        for concrete in entity.concrete:
            assert entity.name in api.entities[concrete.entity].interfaces


def test_plugins_add_to_the_core_and_change_nothing_of_it() -> None:
    core, telecom = types(api_for(())), types(api_for({"telecom"}))

    assert set(core) < set(telecom)
    changed = {name for name in core if core[name] != telecom[name]}
    for name in changed:
        assert core[name] <= telecom[name], f"{name} lost something"
    added = set(telecom) - set(core)
    assert {name for name in added if not name.startswith("Telecom") and "Telecom" not in name} == set()


def test_two_plugins_are_the_sum_of_each() -> None:
    both = types(api_for({"telecom", "tobacco"}))
    each = [types(api_for({"telecom"})), types(api_for({"tobacco"}))]

    assert set(both) == set(each[0]) | set(each[1])
    for name, members in both.items():
        assert members == each[0].get(name, set()) | each[1].get(name, set()), name


def types(api: Api) -> dict[str, set[str]]:
    """The members of each type."""
    found: dict[str, set[str]] = {}
    for name, kind in api.schema.type_map.items():
        fields = getattr(kind, "fields", None) or getattr(kind, "values", None) or {}
        found[name] = set(fields)
    return found


def test_plugins_that_are_not_installed_do_not_count() -> None:
    assert api_for({"telecom", "nowhere"}) is api_for(["telecom"])
    assert api_for({"nowhere"}).plugins == frozenset()


def test_the_same_set_gives_the_same_text_each_time() -> None:
    first, second = Registry(), Registry()
    first.api_for(())

    assert sdl(first.api_for({"tobacco", "telecom"})) == sdl(second.api_for({"telecom", "tobacco"}))


class TestCache:
    """What is kept."""

    def test_an_api_is_built_once(self) -> None:
        registry = Registry()

        assert registry.api_for({"telecom"}) is registry.api_for({"telecom"})
        assert registry.cache_info() == (1, 1, 1, MOST_SETS)

    def test_the_one_not_asked_for_longest_goes_first(self) -> None:
        registry = Registry(most=2)
        core, telecom = registry.api_for(()), registry.api_for({"telecom"})
        assert registry.api_for(()) is core

        registry.api_for({"tobacco"})

        assert registry.cache_info().size == 2
        assert registry.api_for(()) is core
        assert registry.api_for({"telecom"}) is not telecom

    def test_sets_share_what_they_have_in_common(self) -> None:
        registry = Registry()
        apis = [registry.api_for(plugins) for plugins in ((), {"telecom"}, {"tobacco"}, {"telecom", "tobacco"})]

        for one, other in combinations(apis, 2):
            same = {name for name, kind in one.schema.type_map.items() if other.schema.type_map.get(name) is kind}
            assert len(same) > len(one.schema.type_map) * 0.3

    def test_a_plugin_that_is_registered_later_is_found(self) -> None:
        registry = Registry()
        assert registry.api_for({"sorts"}).plugins == frozenset()

        with registered(Sorts()):
            api = registry.api_for({"sorts"})
            assert api.plugins == {"sorts"}
            assert validate_schema(api.schema) == []
            assert {"SortsEveryThing", "SortsEveryThingSize", "OtherFormRecord"} <= set(api.schema.type_map)
            assert "sortsCares" in api.entities["Contact"].by_name
        assert registry.api_for({"sorts"}).plugins == frozenset()


class Sorts:
    """A plugin with a form that has a field of every sort."""

    @hookimpl
    def industry(self) -> Industry:
        """What it declares."""
        return INDUSTRY


async def test_a_tenants_own_fields_never_change_the_schema(database: Database) -> None:
    before = sdl(Registry().api_for({"telecom"}))
    async with database.write(await make_tenant(database), TESTS) as session:
        session.add(
            CustomField(
                id=new_id(), target="client", key="wish", type="text", title_zh="愿望", title_en="Wish", filterable=True
            )
        )

    assert sdl(Registry().api_for({"telecom"})) == before
