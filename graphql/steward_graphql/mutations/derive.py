"""Commands as mutations: arguments from the command's signature, paths of its problems in terms of the input."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from steward_graphql.declared.entities import camel, snake
from steward_graphql.declared.scalars import BOOLEAN, DATE, DECIMAL, ID, INT, JSON, STRING, Kind
from steward_graphql.declared.shapes import Argument, Asked, AtOnceWay, InputObject, Mutation
from steward_graphql.mutations.command_modules import load_commands
from steward_graphql.mutations.kinds import enum_kind, literal_kind
from steward_graphql.mutations.payloads import Result, payload
from steward_tenants.commands.at_once import AT_ONCE, Acting
from steward_tenants.commands.service import COMMANDS, CommandInfo
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem, StewardError, invalid
from steward_tenants.texts import Bilingual

TODAY, ZONE = "today", "zone"
"""Parameters that the request itself fills."""
CONTENTS = ("fields", "values", "changes", "plan", "settings", "document")
"""Parameters whose own members a command's problems may name without saying which parameter they stand in."""
_SCALARS: Mapping[Any, Kind] = {
    UUID: ID,
    str: STRING,
    int: INT,
    float: DECIMAL,
    Decimal: DECIMAL,
    bool: BOOLEAN,
    date: DATE,
}


RUNS_WAIT = Bilingual("任务由后台自动执行", "the run waits for a worker, which drives it")
"""Who drives runs."""


@dataclass(frozen=True)
class Offer:
    """How a command is offered: the mutation's name, what it answers, and what a caller should know beside its title.

    `withheld`: parameters that the API does not offer. `shown`: GraphQL names (in snake_case) of parameters that have
    another one. `kinds`: kinds of parameters that the type does not tell. `texts`: of parameters that mean something
    of their own here. `guard` refuses callers before the command runs.
    """

    name: str
    results: tuple[Result, ...]
    note: Bilingual | None = None
    withheld: Collection[str] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Kind | InputObject] = field(default_factory=dict)
    texts: Mapping[str, Bilingual] = field(default_factory=dict)
    secret: frozenset[str] = frozenset()
    guard: Callable[[Asked], None] | None = None
    cost: int = 50


@dataclass(frozen=True)
class Parameter:
    """One parameter of a command as an argument. `make`: the Python type that its value is made into, if any.

    `nullable`: None means something to the command. `always`: the command has no default for it.
    """

    argument: Argument
    nullable: bool
    always: bool
    make: type[Any] | None = None

    @property
    def name(self) -> str:
        """The command's name for it."""
        return self.argument.python_name


def columns(kind: InputObject) -> dict[str, Kind | InputObject]:
    """That the command's `fields` are these."""
    return {"fields": kind}


def all_commands() -> Mapping[str, CommandInfo]:
    """Every command of the floors, by key; their modules are imported for it, and with them the kinds of runs."""
    load_commands()
    return COMMANDS


def mutation_of(info: CommandInfo, offer: Offer, texts: Mapping[str, Bilingual], shown: Mapping[str, str]) -> Mutation:
    """The mutation that runs a command. `texts` and `shown` hold for all commands, the offer's own go before."""
    parameters = parameters_of(info, offer, {**texts, **offer.texts}, {**shown, **offer.shown})
    ambient = set(inspect.signature(info.function).parameters) & {TODAY, ZONE}

    async def call(session: WriteSession, asked: Asked, **given: Any) -> Any:
        if offer.guard is not None:
            offer.guard(asked)
        values = values_of(parameters, given)
        with told_of_input([one.argument for one in parameters]):
            answer = await info.function(session, **values, **around(asked, ambient))
        await session.flush()
        return payload(offer.results, answer, values)

    return Mutation(
        name=offer.name,
        text=described(info.title, offer.note),
        call=call,
        results=tuple(result.part() for result in offer.results),
        arguments=tuple(one.argument for one in parameters),
        permission=info.permission,
        secret=offer.secret,
        cost=offer.cost,
        command=info.key,
        at_once=_short_way(info.key, offer, parameters),
    )


def _short_way(key: str, offer: Offer, parameters: Sequence[Parameter]) -> AtOnceWay | None:
    """The command's short way, where it has one, over the mutation's arguments."""
    way = AT_ONCE.get(key)
    if way is None:
        return None

    def values(acting: Acting, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return way.values(acting, values_of(parameters, given))

    return AtOnceWay(way, offer.results[0].name, values)


def described(title: Bilingual, note: Bilingual | None) -> Bilingual:
    """A title and what else matters, as one text."""
    return title if note is None else Bilingual(f"{title.zh}：{note.zh}", f"{title.en}: {note.en}")


def around(asked: Asked, names: Collection[str]) -> dict[str, Any]:
    """What the request fills in by itself: the tenant's day and zone."""
    found = {TODAY: asked.today, ZONE: zone_key(asked)}
    return {name: found[name] for name in names}


def zone_key(asked: Asked) -> str:
    """The name of the tenant's time zone."""
    return str(getattr(asked.zone, "key", ""))


def parameters_of(
    info: CommandInfo, offer: Offer, texts: Mapping[str, Bilingual], shown: Mapping[str, str]
) -> tuple[Parameter, ...]:
    """What a caller may give. Raises KeyError for a parameter without a text, TypeError for one of an unknown type."""
    hints = get_type_hints(info.function)
    taken = list(inspect.signature(info.function).parameters.values())[1:]
    found = []
    for one in taken:
        if one.name in (TODAY, ZONE) or one.name in offer.withheld:
            continue
        inner, nullable = _unwrapped(hints[one.name])
        kind, listed, make = kind_of(inner, offer.kinds.get(one.name))
        always = one.default is one.empty
        argument = Argument(
            name=camel(shown.get(one.name, one.name)),
            kind=kind,
            text=texts[one.name],
            required=always and not nullable,
            listed=listed,
            default=one.default if isinstance(one.default, bool | int) else None,
            target=one.name,
        )
        found.append(Parameter(argument, nullable, always, make))
    return tuple(found)


def _unwrapped(annotation: Any) -> tuple[Any, bool]:
    """The type without None, and whether None was among it."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, annotation is Any
    inner = [one for one in get_args(annotation) if one is not NoneType]
    return (inner[0] if len(inner) == 1 else tuple(inner)), NoneType in get_args(annotation)


def kind_of(annotation: Any, known: Kind | InputObject | None) -> tuple[Kind | InputObject, bool, type[Any] | None]:
    """The kind of a parameter, whether it is a list, and the type that a value is made into."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(origin, type) and issubclass(origin, Collection) and not issubclass(origin, Mapping):
        kind, _, make = kind_of(arguments[0], known)
        return kind, True, make
    make = annotation if isinstance(annotation, type) and (is_dataclass(annotation) or _is_enum(annotation)) else None
    if known is not None:
        return known, False, make
    if isinstance(annotation, tuple):
        return _of_several(annotation)
    if origin is Literal:
        return literal_kind(tuple(arguments)), False, None
    if _is_enum(annotation):
        return enum_kind(annotation), False, make
    if annotation in _SCALARS:
        return _SCALARS[annotation], False, None
    if annotation is Any or origin is not None:
        return JSON, False, None
    raise TypeError(f"no kind of argument for {annotation!r}")


def _of_several(members: tuple[Any, ...]) -> tuple[Kind, bool, type[Any] | None]:
    """The kind of a union: of its enum, or text where text is taken too."""
    for member in members:
        if _is_enum(member):
            return enum_kind(member), False, None
    return (STRING if str in members else _SCALARS[members[0]]), False, None


def _is_enum(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Enum)


def values_of(parameters: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The command's values of what was given: what was left out is left out, and so is a null that means nothing.

    Raises InvalidInput for a parameter that may be null but must be said.
    """
    values = {}
    for one in parameters:
        if one.name not in given:
            if one.always:
                raise invalid(one.name, "missing", "必填；清空请给空值（null）。", "Give it; null empties it.")
            continue
        value = untangled(one.argument, given[one.name])
        if value is None and not one.nullable:
            continue
        values[one.name] = _made(one.make, value, listed=one.argument.listed)
    return values


def _made(make: type[Any] | None, value: Any, *, listed: bool) -> Any:
    if make is None or value is None:
        return value
    if listed:
        return [_made(make, item, listed=False) for item in value]
    return dataclass_of(make, value) if is_dataclass(make) else make(value)


def dataclass_of(make: type[Any], value: Mapping[str, Any]) -> Any:
    """The dataclass of these members. Lists become tuples; a null that stands for nothing is left to the default."""
    hints = get_type_hints(make)
    members = {}
    for one in fields(make):
        if one.name not in value:
            continue
        inner, nullable = _unwrapped(hints[one.name])
        found = value[one.name]
        if found is None and not nullable:
            continue
        if isinstance(found, list):
            found = (frozenset if get_origin(inner) is frozenset else tuple)(found)
        members[one.name] = inner(found) if _is_enum(inner) else found
    return make(**members)


def untangled(argument: Argument, value: Any) -> Any:
    """A value of an argument with the members of its input objects under their Python names."""
    if value is None or not isinstance(argument.kind, InputObject):
        return value
    if argument.listed:
        return [_members(argument.kind, item) for item in value]
    return _members(argument.kind, value)


def _members(shape: InputObject, value: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for part in shape.parts:
        for name in (part.name, part.python_name):
            if name in value:
                found[part.python_name] = untangled(part, value[name])
                break
    return found


@contextmanager
def told_of_input(arguments: Sequence[Argument]) -> Iterator[None]:
    """Errors raised inside name the input's own fields, in snake_case: a command's `short_name` is `fields.short_name`
    of the input, its `expected_version` is `version`."""
    try:
        yield
    except StewardError as error:
        error.problems = tuple(
            FieldProblem(input_path(arguments, problem.path), problem.code, problem.message)
            for problem in error.problems
        )
        raise


def input_path(arguments: Sequence[Argument], path: tuple[str, ...]) -> tuple[str, ...]:
    """The path in the input of what a command calls `path`."""
    if not path:
        return path
    named = {one.python_name: one for one in arguments}
    content = next((named[name] for name in CONTENTS if name in named), None)
    parts = content.kind.parts if content is not None and isinstance(content.kind, InputObject) else ()
    if content is not None and path[0] in {part.python_name for part in parts}:
        return (_shown(content), *path)
    if path[0] in named:
        return (_shown(named[path[0]]), *path[1:])
    if content is None or path[0] in {_shown(one) for one in arguments}:
        return path
    return (_shown(content), *path)


def _shown(argument: Argument) -> str:
    return snake(argument.name).lower()
