"""Documents whose shape is an attack, refused before they are validated."""

from __future__ import annotations

import pytest
from graphql import GraphQLSyntaxError, get_introspection_query

from steward_graphql.limits import errors as refused
from steward_graphql.limits.shape import (
    MOST_ALIASES,
    MOST_DEPTH,
    MOST_DIRECTIVES,
    MOST_FIELDS,
    MOST_ROOT_FIELDS,
    check_document,
    check_text,
    parse_text,
)
from steward_tenants.errors import StewardError


def check(text: str) -> None:
    check_document(parse_text(text))


def nested(depth: int, inner: str = "a") -> str:
    return "{ a " * (depth - 1) + "{ " + inner + " }" + " }" * (depth - 1)


def chain(length: int, body: str, last: str = "a") -> str:
    """`F0` spreads what `body` says of `F1`, and so on."""
    parts = [f"fragment F{n} on Query {{ {body.format(next=f'F{n + 1}', n=n)} }}" for n in range(length)]
    return "{ ...F0 } " + " ".join(parts) + f" fragment F{length} on Query {{ {last} }}"


ATTACKS: dict[str, tuple[str, type[StewardError]]] = {
    "alias overload": ("{" + " ".join(f"a{n}: x" for n in range(101)) + "}", refused.TooManyAliases),
    "aliases in many fragments": (
        "{ a { ...F ...G } }"
        + "".join(f"fragment {name} on Q {{" + " ".join(f"{name}{n}: x" for n in range(30)) + "}" for name in "FG"),
        refused.TooManyAliases,
    ),
    "directive overload": ("{ a " + "@x" * 10 + " }", refused.TooManyDirectivesInPlace),
    "unknown directives everywhere": (
        "{" + " ".join(f"f{n} @nothing" for n in range(60)) + "}",
        refused.TooManyDirectives,
    ),
    "directives on an operation": ("query " + "@a" * 6 + " { a }", refused.TooManyDirectivesInPlace),
    "directives on a spread": ("{ ...F " + "@a" * 6 + " } fragment F on Q { a }", refused.TooManyDirectivesInPlace),
    "directives on a variable": ("query($a: Int " + "@a" * 6 + ") { a }", refused.TooManyDirectivesInPlace),
    "circular fragments": ("{ ...A } fragment A on Q { b ...B } fragment B on Q { a ...A }", refused.CircularFragments),
    "a fragment in itself": ("{ ...A } fragment A on Q { a { ...A } }", refused.CircularFragments),
    "circular fragments that nobody spreads": (
        "{ a } fragment A on Q { ...B } fragment B on Q { ...A }",
        refused.CircularFragments,
    ),
    "fragments that double": (chain(40, "a {{ ...{next} }} b {{ ...{next} }}"), refused.TooManyFields),
    "fragments that double beside each other": (chain(40, "...{next} ...{next}"), refused.RepeatedTooOften),
    "fragments that double behind other names": (
        chain(14, "k{n} {{ ...{next} }} j{n} {{ ...{next} }}"),
        refused.TooManyFields,
    ),
    "empty fragments that double": (chain(40, "...{next} ...{next}", last=""), refused.TooManyFields),
    "inline fragments that double": (
        chain(40, "... {{ ...{next} }} ... {{ ...{next} }}", last=""),
        refused.TooManyFields,
    ),
    "spreads": ("{" + "...F " * 101 + "} fragment F on Q { a }", refused.TooManyFragments),
    "field duplication": ("{" + "a " * 1_000 + "}", refused.RepeatedTooOften),
    "field duplication in fragments": ("{" + "... { a } " * 500 + "}", refused.RepeatedTooOften),
    "many fields": ("{ a {" + " ".join(f"f{n}" for n in range(2_100)) + "} }", refused.TooManyFields),
    "many root fields": ("{" + " ".join(f"f{n}" for n in range(31)) + "}", refused.TooManyRootFields),
    "root fields in fragments": (
        "{ ...A ...B } "
        + "".join(f"fragment {name} on Q {{" + " ".join(f"{name}{n}" for n in range(20)) + "}" for name in "AB"),
        refused.TooManyRootFields,
    ),
    "deep nesting": (nested(16), refused.NestedTooDeeply),
    "very deep nesting": (nested(5_000), refused.NestedTooDeeply),
    "nesting through fragments": (chain(20, "a {{ ...{next} }}"), refused.NestedTooDeeply),
    "nested lists": ("{ a(x: " + "[" * 500 + "]" * 500 + ") }", refused.NestedTooDeeply),
    "nested objects": ("{ a(x: " + "{x: " * 500 + "1" + "}" * 500 + ") }", refused.NestedTooDeeply),
    "nested types": ("query($a: " + "[" * 500 + "Int" + "]" * 500 + ") { a }", refused.NestedTooDeeply),
    "a huge list of values": ("{ a(x: [" + "1 " * 5_000 + "]) }", refused.TooManyValues),
    "huge lists of values": (
        "{ " + "a(x: [" + "1 " * 300 + "]) " + "b(x: [" + "1 " * 1_800 + "]) }",
        refused.TooManyValues,
    ),
    "a huge object": ("{ a(x: {" + " ".join(f"k{n}: 1" for n in range(2_100)) + "}) }", refused.TooManyValues),
    "many arguments": ("{ a(" + " ".join(f"x{n}: 1" for n in range(30)) + ") }", refused.TooManyArguments),
    "arguments of a directive": ("{ a @b(" + " ".join(f"x{n}: 1" for n in range(30)) + ") }", refused.TooManyArguments),
    "token flood": ("{ a(x: [" + "1 " * 20_000 + "]) }", refused.TooManyTokens),
    "comment flood": ("#\n" * 5_000 + "{ a }", refused.TooManyTokens),
    "huge string": ('{ a(x: "' + "y" * 200_000 + '") }', refused.TextTooLong),
    "huge name": ("{ " + "y" * 200_000 + " }", refused.TextTooLong),
    "white space": (" " * 200_000 + "{ a }", refused.TextTooLong),
    "many operations": (" ".join(f"query Q{n} {{ a }}" for n in range(101)), refused.TooManyOperations),
    "many variables": ("query(" + " ".join(f"$v{n}: Int" for n in range(101)) + ") { a }", refused.TooManyVariables),
    "circular introspection": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        refused.IntrospectionTooDeep,
    ),
    "circular introspection of a type": (
        '{ __type(name: "A") { fields { type { fields { type { interfaces { name } } } } } } }',
        refused.IntrospectionTooDeep,
    ),
    "circular introspection in fragments": (
        "{ __schema { types { ...A } } } fragment A on __Type { fields { type { ...B } } }"
        " fragment B on __Type { possibleTypes { name } }",
        refused.IntrospectionTooDeep,
    ),
    "introspection many times": (
        "{" + " ".join(f"s{n}: __schema {{ types {{ name }} }}" for n in range(15)) + "}",
        refused.IntrospectionTooLarge,
    ),
    "lists many times in one introspection": (
        "{ __schema {" + " ".join(f"t{n}: types {{ name }}" for n in range(25)) + "} }",
        refused.IntrospectionTooLarge,
    ),
    "the end of a type over and over": (
        '{ __type(name: "A") { ' + "ofType { " * 25 + "name" + " }" * 25 + " } }",
        refused.NestedTooDeeply,
    ),
}


@pytest.mark.parametrize(("text", "error"), ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_is_refused(text: str, error: type[StewardError]) -> None:
    with pytest.raises(error) as told:
        check(text)
    assert told.value.status == 400
    assert told.value.text.zh
    assert told.value.text.en
    if isinstance(told.value, refused.RefusedShape):
        assert told.value.actual > told.value.limit
        assert str(told.value.limit) in told.value.text.en
        assert str(told.value.actual) in told.value.text.en


FINE = {
    "a plain query": "{ a { b c(first: 3) { nodes { d } } } }",
    "introspection": get_introspection_query(),
    "introspection with everything": get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    ),
    "brackets in a text": '{ a(x: "' + "{" * 1_000 + '") }',
    "brackets in a block and a comment": '{ a(x: """' + "[" * 500 + ' \\""" ' + "(" * 500 + '""") } # ' + "{" * 500,
    "as deep as may be": nested(MOST_DEPTH),
    "as many aliases": "{ a { " + " ".join(f"a{n}: x" for n in range(MOST_ALIASES)) + " } }",
    "as many directives": "{ a { " + " ".join(f"a{n} @x" for n in range(MOST_DIRECTIVES)) + " } }",
    "as many fields": "{ a { " + " ".join(f"f{n}" for n in range(MOST_FIELDS - 1)) + " } }",
    "as many root fields": "{" + " ".join(f"f{n}" for n in range(MOST_ROOT_FIELDS)) + "}",
    "the same field for many types": "{ a {" + "".join(f"... on T{n} {{ id x{n} }} " for n in range(40)) + "} }",
    "a fragment that is not there": "{ ...Nothing }",
    "no executable definition": "type A { b: Int }",
    "fields that have the names of introspection": nested(
        4, "fields { types { fields { types { fields { types } } } } }"
    ),
}


@pytest.mark.parametrize("text", FINE.values(), ids=FINE.keys())
def test_what_is_within_the_limits_passes(text: str) -> None:
    check(text)


@pytest.mark.parametrize("text", ["{", "", '{ a(x: "', '{ a(x: """', "}", "{ a } }"])
def test_what_is_no_document_is_a_syntax_error(text: str) -> None:
    with pytest.raises(GraphQLSyntaxError):
        parse_text(text)


@pytest.mark.parametrize("body", ["...{next} ...{next}", "a{n} {{ ...{next} ...{next} }}"])
def test_nothing_is_expanded_to_be_counted(body: str) -> None:
    """Were anything, this would outlast the machine."""
    with pytest.raises(StewardError):
        check(chain(49, body))


@pytest.mark.parametrize(
    "text",
    ['{ a(x: """' + '\\"""' * 20_000, '"\\' * 40_000, '"' * 90_000, '"""' * 29_999, "#" * 90_000, '"""\\' * 20_000],
)
def test_texts_without_end_are_read_once(text: str) -> None:
    check_text(text)
    with pytest.raises((StewardError, GraphQLSyntaxError)):
        parse_text(text)


def test_repetitions_count_where_selections_are_put_together() -> None:
    """Each place repeats a key a few times; validation compares what they come to, pair by pair."""
    inner = "children { " + "id " * 3 + "} "
    text = "{ " + " ".join(f"clients {{ nodes {{ {inner * 10} }} }}" for _ in range(20)) + " }"
    with pytest.raises(refused.RepeatedTooOften) as told:
        check(text)
    assert told.value.actual == 200
    spread = "{ a { ...F } a { ...G } } fragment F on T { b { ...G } } fragment G on T { b { %s } }"
    check(spread % ("c " * 25))
    hidden = "{{ x }} fragment F on T {{ {} }}".format(" ".join("a { b { c } b { c } }" for _ in range(26)))
    with pytest.raises(refused.RepeatedTooOften):
        check(hidden)
    many = "{ x } " + " ".join(f"fragment F{n} on T {{ a ...F{n + 1} b{n}: t {{ ...F{n + 1} }} }}" for n in range(12))
    with pytest.raises(refused.RefusedShape):
        check(many + " fragment F12 on T { a }")
