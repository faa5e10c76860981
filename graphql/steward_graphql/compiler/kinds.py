"""What an API's leaf types are called: scalars and declared enums by name."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Batched, Concrete, Entity, OneRoot, Value
from steward_graphql.declared.scalars import SCALARS, EnumKind, Kind, Scalar
from steward_graphql.declared.shapes import Argument, Function, InputObject, Mutation, Subscription

_BUILTIN: dict[str, Scalar] = {kind.name: kind for kind in SCALARS}


class ApiIndex:
    """What the compiler looks up often in one API."""

    def __init__(self, api: Api) -> None:
        self.kinds: dict[str, Kind] = {**_BUILTIN}
        self.kinds.update((kind.name, kind) for kind in _enums(api))
        self.specials = frozenset(one.name for entity in api.entities.values() for one in entity.specials)
        self.types = {
            entity.name: frozenset((entity.name, *entity.interfaces, *(("Node",) if entity.node else ())))
            for entity in api.entities.values()
        }
        self.parts: dict[str, tuple[tuple[Concrete, ...], int]] = {
            part.entity: (entity.concrete, place)
            for entity in api.entities.values()
            for place, part in enumerate(entity.concrete)
        }


_known: WeakKeyDictionary[Api, ApiIndex] = WeakKeyDictionary()


def index_of(api: Api) -> ApiIndex:
    """The index of an API, made once."""
    found = _known.get(api)
    if found is None:
        found = _known[api] = ApiIndex(api)
    return found


def _enums(api: Api) -> Iterator[EnumKind]:
    for entity in api.entities.values():
        yield from _of_entity(entity)
    for root in api.roots.values():
        if isinstance(root, OneRoot):
            yield from (kind for _, kind, _ in root.arguments if isinstance(kind, EnumKind))
    each: tuple[Function | Mutation | Subscription, ...] = (
        *api.functions.values(),
        *api.mutations.values(),
        *api.subscriptions.values(),
    )
    for one in each:
        yield from _of_arguments(one.arguments)


def _of_entity(entity: Entity) -> Iterator[EnumKind]:
    for field in entity.fields:
        if isinstance(field, Value | Batched) and isinstance(field.kind, EnumKind):
            yield field.kind
    for special in entity.specials:
        kinds = (special.kind, *(kind for _, kind, _, _ in special.shape))
        yield from (kind for kind in kinds if isinstance(kind, EnumKind))


def _of_arguments(arguments: tuple[Argument, ...]) -> Iterator[EnumKind]:
    for one in arguments:
        if isinstance(one.kind, EnumKind):
            yield one.kind
        elif isinstance(one.kind, InputObject):
            yield from _of_arguments(one.kind.parts)
