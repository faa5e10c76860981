"""What requests cost, and which pages are refused."""

from __future__ import annotations

from typing import Any

import pytest

from steward_graphql.limits.cost import Cost, cost_of, cost_tree, price
from steward_graphql.limits.errors import (
    NestedTooDeeply,
    PageRefused,
    RefusedShape,
    TooExpensive,
    TooManyConditions,
    TooManyIds,
)
from tests.gql.limits.world import API, operation


def points(text: str, **variables: Any) -> int:
    return cost_of(API, operation(text), variables).points


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ __typename }", 0),
        ("{ person(id: 1) { name } }", 1),
        ("{ person(id: 1) { name unit { code } } }", 2),
        ("{ person(id: 1) { secret } }", 3),
        ("{ node(id: 1) { id } }", 1),
        ("{ nodes(ids: [1, 2, 3]) { id } }", 3),
        ("{ people { nodes { name } } }", 21),
        ("{ people(first: 5) { nodes { name } } }", 6),
        ("{ people(first: 5) { edges { node { name } } } }", 6),
        ("{ people(first: 5) { pageInfo { hasNextPage } } }", 6),
        ("{ people(first: 5) { totalCount } }", 3),
        ("{ people(first: 5) { totalCount nodes { id } } }", 8),
        ("{ people { aggregate { count } groups(by: [NAME]) { count } } }", 21),
        ("{ people(first: 5) { nodes { unit { code } } } }", 11),
        (
            "{ units(first: 10) { nodes { people(first: 3) { totalCount nodes { unit { code } } } } } }",
            1 + 10 * (1 + 1 + 2 + 6),
        ),
        ("{ people(first: 5) { nodes { name } nodes { unit { code } } } }", 11),
        (
            "{ people(first: 5) { nodes { ...P } } } fragment P on Person { unit { code } ...Q } fragment Q on Person { unit { id } }",
            11,
        ),
        ("{ people(first: 5) { ... on PersonConnection { nodes { ... { unit { code } } } } } }", 11),
        ("{ a: people(first: 5) { nodes { id } } b: people(first: 5) { nodes { id } } }", 12),
        (
            '{ people(first: 1, filter: { search: "甲", or: [{ below: 1 }, { name: { eq: "乙" } }] }) { nodes { id } } }',
            12,
        ),
        ("{ find { best { name } } }", 31),
        ("{ find { people { name } } }", 50),
        ("{ find { people { unit { code } } } }", 70),
        ("mutation { rename(input: {name: 1}) { person { name } } }", 51),
        ("mutation { a: rename(input: {}) { person { id } } b: rename(input: {}) { userErrors { code } } }", 101),
        ("{ __schema { types { name } } }", 100),
    ],
)
def test_the_points_of_a_document(text: str, expected: int) -> None:
    assert points(text) == expected


def test_page_sizes_come_from_variables_too() -> None:
    text = "query($n: Int, $m: Int) { units(first: $n) { nodes { people(last: $m) { nodes { id } } } } }"
    assert points(text, n=2, m=7) == 1 + 2 * (1 + 1 + 7)
    assert points(text, n=2) == 1 + 2 * (1 + 1 + 20)
    assert points(text, n=0, m=7) == 1
    tree = cost_tree(API, operation(text))
    assert [price(API, tree, {"n": n}).points for n in (1, 2)] == [23, 45]


def test_filters_of_variables_are_counted() -> None:
    text = "query($f: PersonFilter, $g: PersonFilter) { people(first: 1, filter: {and: [$f, {not: $g}]}) { nodes { id } } }"
    assert points(text, f={"search": "甲"}, g={"or": [{"below": "x"}, {"search": None}]}) == 12
    nested = "query($f: OrgUnitFilter) { units(first: 1, filter: $f) { nodes { id } } }"
    assert points(nested, f={"people": {"some": {"unit": {"people": {"none": {"search": "甲"}}}}}}) == 7 + 5 + 25 + 125
    assert points(nested) == 2


def test_a_filter_has_a_limited_number_of_members() -> None:
    text = "query($f: PersonFilter) { people(filter: $f) { nodes { id } } }"
    with pytest.raises(TooManyConditions):
        points(text, f={"or": [{"name": {"eq": "甲"}}] * 300})
    many = ", ".join('{name: {eq: "a"}}' for _ in range(150))
    with pytest.raises(TooManyConditions):
        points(f"{{ people(filter: {{or: [{many}]}}) {{ nodes {{ id }} }} }}")


def test_a_dear_request_is_refused_and_told_why() -> None:
    text = "{ units(first: 100) { nodes { people(first: 100) { nodes { id } } } } }"
    with pytest.raises(TooExpensive) as refused:
        points(text)
    assert (refused.value.limit, refused.value.actual) == (10_000, 10_201)
    assert refused.value.values["field"] == "units.nodes.people"
    assert cost_of(API, operation(text), {}, most=20_000) == Cost(10_201, "units.nodes.people")


def test_a_list_costs_in_proportion_to_its_rows() -> None:
    text = "query($n: Int) { units(first: $n) { nodes { people(first: 5) { nodes { id } } } } }"
    assert [points(text, n=n) - 1 for n in (1, 10, 100)] == [7, 70, 700]


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        ("first: 101", {}),
        ("first: -1", {}),
        ("last: 101", {}),
        ("first: $n", {"n": 101}),
        ("first: 1, last: 1", {}),
        ("first: $n, last: $m", {"n": 1, "m": 1}),
        ('last: 1, after: "x"', {}),
        ('first: 1, before: "x"', {}),
        ('before: "x"', {}),
        ('first: 1, after: "x", before: "y"', {}),
    ],
)
def test_pages_that_are_refused_name_their_field(arguments: str, variables: dict[str, Any]) -> None:
    text = f"query($n: Int, $m: Int) {{ a: units {{ nodes {{ b: people({arguments}) {{ nodes {{ id }} }} }} }} }}"
    with pytest.raises(PageRefused) as refused:
        points(text, **variables)
    assert refused.value.values["field"] == "a.nodes.b"


@pytest.mark.parametrize(
    "arguments", ['first: 100, after: "x"', 'last: 1, before: "x"', 'after: "x"', "first: 0", "first: null, last: 3"]
)
def test_pages_that_are_right(arguments: str) -> None:
    assert points(f"{{ units({arguments}) {{ nodes {{ id }} }} }}") > 0


def test_groups_and_ids_have_limits_of_their_own() -> None:
    with pytest.raises(PageRefused):
        points("{ people { groups(by: [NAME], first: 101) { count } } }")
    with pytest.raises(TooManyIds):
        points("query($i: [ID!]!) { nodes(ids: $i) { id } }", i=["x"] * 101)
    assert issubclass(TooManyIds, RefusedShape)


def test_empty_members_of_lists_count_too() -> None:
    text = "query($f: PersonFilter) { people(filter: $f) { totalCount } }"
    assert points(text, f={"or": [{}] * 100}) == points(text)
    for word in ("or", "and"):
        with pytest.raises(TooManyConditions):
            points(text, f={word: [{}] * 201})
        with pytest.raises(TooManyConditions):
            points("{{ people(filter: {{{}: [{}]}}) {{ totalCount }} }}".format(word, "{}" * 201))


def test_filters_through_relations_cost_more_the_deeper_they_go() -> None:
    text = "query($f: PersonFilter) { people(filter: $f) { totalCount } }"
    within = "query($f: OrgUnitFilter) { people(filter: {unit: $f}) { totalCount } }"
    value: dict[str, Any] = {"name": {"eq": "乙"}}
    written, expected = '{name: {eq: "乙"}}', points("{ people { totalCount } }")
    for deep in (2, 4):
        unit = {"people": {"some": value}}
        written, value = f"{{unit: {{people: {{some: {written}}}}}}}", {"unit": unit}
        expected += 5 ** (deep - 1) + 5**deep
        assert points(f"{{ people(filter: {written}) {{ totalCount }} }}") == points(text, f=value) == expected
        assert points(within, f=unit) == expected
    both: dict[str, Any] = {"unit": {"people": {"some": {}, "none": {}}}}
    assert points(text, f={"or": [both, both], "not": both}) == 3 + 3 * (5 + 25 + 25)
    deeper = {"unit": {"people": {"some": value}}}
    with pytest.raises(TooExpensive):
        points(text, f=deeper)


def test_filters_nest_only_so_deep() -> None:
    text = "query($f: PersonFilter) { people(filter: $f) { totalCount } }"
    within = "query($f: PersonFilter) { people(filter: {not: $f}) { totalCount } }"
    value: dict[str, Any] = {"name": {"eq": "乙"}}
    written = '{name: {eq: "乙"}}'
    for _ in range(18):
        written, inner, value = f"{{not: {written}}}", value, {"not": value}
    assert (
        points(text, f=value) == points(f"{{ people(filter: {written}) {{ totalCount }} }}") == points(within, f=inner)
    )
    with pytest.raises(NestedTooDeeply):
        points(text, f={"not": value})
    with pytest.raises(NestedTooDeeply):
        points(f"{{ people(filter: {{not: {written}}}) {{ totalCount }} }}")
    with pytest.raises(NestedTooDeeply):
        points(within, f=value)
