"""Where the types of one schema are kept while it is built: each name stands for one declaration."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar, cast

from graphql import GraphQLArgument, GraphQLNamedType

from steward_graphql.declared.entities import Entity
from steward_graphql.schema.elements import NOTHING, Elements

T = TypeVar("T", bound=GraphQLNamedType)


class Shared:
    """Types that look the same whatever plugins are on: schemas built with one `Shared` hold them in common."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, Hashable], GraphQLNamedType] = {}
        self.with_ids: dict[Entity, Entity] = {}
        """Nodes that declare no id, and what became of them."""


class Types(Elements):
    """The named types of a schema in the making, and the entities that they are made from."""

    def __init__(self, entities: Mapping[str, Entity], shared: Shared) -> None:
        super().__init__()
        self.entities = entities
        self._shared = shared
        self._made: dict[str, tuple[Hashable, GraphQLNamedType]] = {}
        self.connection_arguments: dict[str, dict[str, GraphQLArgument]] = {}
        """What every connection of an entity takes, by the entity's name."""

    def entity(self, name: str, place: str) -> Entity:
        """The entity of this name. Raises ValueError naming the `place` that leads to it."""
        found = self.entities.get(name)
        if found is None:
            raise ValueError(f"{place} leads to {name}, and there is no such type")
        return found

    def own(self, name: str, owner: Hashable, make: Callable[[], T]) -> T:
        """The type of this name for a declaration; made when it is asked for first.

        Raises ValueError when another declaration has the name.
        """
        known = self._made.get(name)
        if known is None:
            made = make()
            made.extensions = NOTHING
            self._made[name] = (owner, made)
            return made
        if known[0] != owner:
            raise ValueError(f"the type name {name} stands for two declarations")
        return cast(T, known[1])

    def shared(self, name: str, owner: Hashable, make: Callable[[], T]) -> T:
        """As `own`, for a type that depends on nothing but `owner`: other schemas use the same object."""

        def make_once() -> T:
            key = (name, owner)
            if key not in self._shared.made:
                self._shared.made[key] = make()
            return cast(T, self._shared.made[key])

        return self.own(name, owner, make_once)


def camel_case(name: str, place: str) -> str:
    """A name as it is declared. Raises ValueError where it is not written in camelCase."""
    if not name[:1].islower() or "_" in name or not name.isalnum() or not name.isascii():
        raise ValueError(f"{place}: {name!r} is not written in camelCase")
    return name


def unique(found: dict[str, Any], name: str, value: Any, place: str) -> None:
    """Put a member under its name. Raises ValueError when the name is taken."""
    if name in found:
        raise ValueError(f"{place} has two members named {name}")
    found[name] = value
