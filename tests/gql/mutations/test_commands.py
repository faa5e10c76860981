"""Every command is offered, or it is said where it is done; names, texts and types hold together."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import steward_server
from steward_core.forms.description import fields_of
from steward_core.industry.registry import industries
from steward_core.runs.service import RUN_KINDS
from steward_graphql.catalogue.all import catalogues
from steward_graphql.catalogue.forms import catalogue_of, concrete_of, type_name
from steward_graphql.catalogue.records import family
from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Catalogue, Value
from steward_graphql.declared.scalars import JSON, EnumKind, Kind
from steward_graphql.declared.shapes import Argument, InputObject, ListOf, Mutation, ObjectShape, Part
from steward_graphql.mutations.all import NOT_OFFERED, STEPS, mutations, plugin_mutations
from steward_graphql.mutations.command_modules import MODULES
from steward_graphql.mutations.derive import TODAY, ZONE, all_commands
from steward_graphql.mutations.kinds import entities
from steward_graphql.mutations.offers import offers
from steward_graphql.schema.build import build_api
from steward_server.cli.commands import import_all
from steward_tenants.commands.service import COMMANDS
from tests.gql.mutations.asking import by_name


def arguments_of(mutation: Mutation) -> Iterator[Argument]:
    def inside(arguments: tuple[Argument, ...]) -> Iterator[Argument]:
        for one in arguments:
            yield one
            if isinstance(one.kind, InputObject):
                yield from inside(one.kind.parts)

    return inside(mutation.arguments)


def parts_of(mutation: Mutation) -> Iterator[Part]:
    def inside(parts: tuple[Part, ...]) -> Iterator[Part]:
        for one in parts:
            yield one
            shape = one.shape.item if isinstance(one.shape, ListOf) else one.shape
            if isinstance(shape, ObjectShape):
                yield from inside(shape.parts)

    return inside(mutation.results)


def test_every_command_is_a_mutation_or_it_is_said_where_it_is_done() -> None:
    offered = {one.command for one in mutations() if one.command}
    for key, info in all_commands().items():
        if not info.function.__module__.startswith("steward_"):
            continue  # other tests declare commands of their own
        if key in NOT_OFFERED:
            assert key not in offered
        elif info.alone:
            assert key in offered, key
        else:
            assert STEPS[key] in by_name(), key
    assert set(NOT_OFFERED) | set(STEPS) <= set(all_commands())
    assert not set(NOT_OFFERED) & set(STEPS)


def test_the_modules_of_commands_and_runs_are_all_named() -> None:
    import_all()
    declared = {info.function.__module__ for info in COMMANDS.values()}
    declared |= {kind.advance.__module__ for kind in RUN_KINDS.values()}
    # A domain's `commands` imports those of its modules that declare any.
    named = {name: f"{name.rpartition('.')[0]}.commands" for name in declared if name.startswith("steward_")}
    assert {own if own in MODULES else name for name, own in named.items()} == set(MODULES)


def test_what_is_left_to_rest_is_there() -> None:
    routes = "".join(path.read_text() for path in (Path(inspect.getfile(steward_server)).parent / "api").glob("*.py"))
    for text in NOT_OFFERED.values():
        for method, path in re.findall(r"(POST) (/[a-z/-]+)", text.en):
            assert path in routes or path.removeprefix("/files") == "", (method, path)


def test_every_parameter_is_offered_or_withheld_or_filled_by_the_request() -> None:
    for key, offer in offers().items():
        taken = set(list(inspect.signature(all_commands()[key].function).parameters)[1:])
        offered = {one.python_name for one in by_name()[offer.name].arguments}
        assert offered == taken - {TODAY, ZONE} - set(offer.withheld), key
        assert set(offer.withheld) <= taken


def test_names_are_camel_case_and_stand_once() -> None:
    names = [one.name for one in mutations()]
    assert len(set(names)) == len(names)
    for mutation in by_name().values():
        for name in (
            mutation.name,
            *(one.name for one in mutation.arguments),
            *(one.name for one in parts_of(mutation)),
        ):
            assert re.fullmatch(r"[a-z][A-Za-z0-9]*", name), (mutation.name, name)
        shown = [one.name for one in mutation.arguments]
        assert len(set(shown)) == len(shown)
        assert not {"today", "zone", "tenantId", "expectedVersion", "idempotencyKey"} & set(shown), mutation.name


def test_everything_is_told_in_both_languages() -> None:
    for mutation in by_name().values():
        texts = [
            mutation.text,
            *(one.text for one in arguments_of(mutation)),
            *(one.text for one in parts_of(mutation)),
        ]
        texts += [one.kind.text for one in arguments_of(mutation) if isinstance(one.kind, InputObject)]
        for text in texts:
            assert re.search(r"[\u4e00-\u9fff]", text.zh) or not re.search(r"[a-z]", text.zh), (mutation.name, text)
            assert text.en, (mutation.name, text)
            assert not text.zh.endswith("。"), (mutation.name, text)
            assert not text.en.endswith("."), (mutation.name, text)


def test_a_name_of_a_type_stands_for_one_declaration() -> None:
    found: dict[str, Kind | InputObject] = {
        kind.name: kind
        for entity in entities().values()
        for one in entity.fields
        if isinstance(one, Value)
        for kind in [one.kind]
        if isinstance(kind, EnumKind)
    }
    for mutation in by_name().values():
        for one in arguments_of(mutation):
            if isinstance(one.kind, EnumKind | InputObject):
                assert found.setdefault(one.kind.name, one.kind) is one.kind, one.kind.name


def test_the_same_objects_come_each_time() -> None:
    assert mutations() is mutations()
    for loaded in industries().values():
        assert plugin_mutations(loaded.industry) is plugin_mutations(loaded.industry)


def test_a_form_that_people_fill_in_has_typed_mutations() -> None:
    for key, loaded in industries().items():
        types = {one.name: one for one in catalogue_of(loaded.industry).entities}
        names = {one.name for one in plugin_mutations(loaded.industry)}
        for form in loaded.industry.forms:
            name = type_name(key, form.about.key)
            assert (f"save{name}" in names) is form.about.by_people
            assert (f"save{name}Draft" in names) is form.about.by_people
            if not form.about.by_people:
                continue
            for suffix in ("", "Draft"):
                shape = next(one for one in by_name()[f"save{name}{suffix}"].arguments if one.name == "values").kind
                assert isinstance(shape, InputObject)
                assert {one.python_name for one in shape.parts} == {
                    one.name for one in fields_of(form) if not one.computed
                }
                assert not suffix or not any(one.required for one in shape.parts)
                for one in shape.parts:
                    shown = types[name].value(one.name)
                    if not isinstance(one.kind, InputObject) and not shown.masked:
                        assert (one.kind, one.listed) == (shown.kind, shown.listed), (name, one.name)
                    assert one.kind is not JSON, (name, one.name)


def test_money_is_fen() -> None:
    for name, shown in (("payArrears", "amount"), ("createContract", "amount"), ("addClientProduct", "monthlyAmount")):
        kinds = {one.name: one.kind.name for one in arguments_of(by_name()[name])}
        assert kinds[shown] == "Fen", name


def test_secrets_are_results() -> None:
    for mutation in by_name().values():
        assert mutation.secret <= {one.name for one in mutation.results}, mutation.name
    assert by_name()["connectApiClient"].secret == {"secret"}
    assert by_name()["createPerson"].secret == {"url"}
    assert {"phone", "contacts"} <= by_name()["revealClient"].secret


@pytest.fixture(scope="module")
def api() -> Api:
    """The API of all installed plugins, with mutations only."""
    forms = [catalogue_of(loaded.industry) for loaded in industries().values()]
    concrete = [one for catalogue in forms for one in concrete_of(catalogue)]
    known = [*catalogues(), *forms, Catalogue(family(concrete))]
    return build_api(known, (), list(by_name().values()), (), frozenset(industries()))


def test_all_of_it_is_a_schema(api: Api) -> None:
    mutation_type = api.schema.mutation_type
    assert mutation_type is not None
    assert set(mutation_type.fields) == set(by_name())
    described = [field.description for field in mutation_type.fields.values()]
    assert all(described)
