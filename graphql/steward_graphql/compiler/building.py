"""What is shared while one statement is built: its operation, its parameters, what it notices."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import ARRAY, BindParameter, ClauseElement, ColumnElement, FromClause, literal
from sqlalchemy.types import TypeEngine

from steward_graphql.compiler.given import Given, Leaf, given
from steward_graphql.compiler.kinds import index_of
from steward_graphql.compiler.operation import Operation
from steward_graphql.compiler.parameters import Parameters
from steward_graphql.compiler.plan import Notice, Plan
from steward_graphql.compiler.references import Reference
from steward_graphql.compiler.selection import Asked, Selections
from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Batched, Condition, Entity, Planning, Row, Special
from steward_tenants.access.permissions import Permission
from steward_tenants.access.symbolic import Profile, SymbolicSession
from steward_tenants.errors import Forbidden
from steward_tenants.texts import Bilingual


@dataclass(frozen=True, eq=False)
class SpecialUse:
    """A special filter that an operation uses, its place in it, and the value as read."""

    key: Hashable
    special: Special
    value: Any


class Building:
    """The state of one compilation. With `gathering`, special filters are noted in `uses` instead of being built in."""

    def __init__(
        self,
        api: Api,
        operation: Operation,
        variables: Mapping[str, Any],
        profile: Profile,
        conditions: Mapping[Hashable, Condition],
        *,
        gathering: bool = False,
    ) -> None:
        self.api = api
        self.index = index_of(api)
        self.variables = variables
        self.profile = profile
        self.planning = Planning(SymbolicSession(profile.actor), profile)
        self.selections = Selections(operation, variables)
        self.parameters = Parameters()
        self.uses: dict[Hashable, SpecialUse] = {}
        self.notices: dict[tuple[str, str], Notice] = {}
        self.batches: list[Batched] = []
        self.records: dict[str, None] = {}
        self.reusable = True
        self._conditions = conditions
        self._gathering = gathering
        self._references = 0

    def row(self, entity: Entity) -> Row:
        """A new reference to an entity's table."""
        self._references += 1
        return Row(Reference(entity.table, f"t{self._references}"), self.planning)

    def row_of(self, entity: Entity, rows: FromClause) -> Row:
        """A reference to rows that have all columns of an entity's table."""
        self._references += 1
        return Row(Reference(entity.table, f"t{self._references}", rows), self.planning)

    @property
    def references(self) -> int:
        """To how many tables and derived tables it refers."""
        return self._references

    def reads(self, entity: Entity) -> None:
        """Note that the statement reads rows of an entity."""
        if entity.recorded is not None:
            self.records.setdefault(entity.recorded)

    def name(self) -> str:
        """A new name for a derived table."""
        self._references += 1
        return f"p{self._references}"

    def entity(self, name: str) -> Entity:
        """The entity of this name."""
        return self.api.entities[name]

    def types(self, entity: Entity) -> frozenset[str]:
        """The type conditions that an entity meets."""
        return self.index.types[entity.name]

    def argument(self, asked: Asked, name: str, at: tuple[str, ...]) -> Given | None:
        """An argument of a field; None when it is not given or null."""
        found = given(asked.argument(name), self.variables, (*at, name))
        return None if found is None or found.null else found

    def bound(self, leaf: Leaf, kind: TypeEngine[Any]) -> BindParameter[Any]:
        """A single value as a parameter."""
        if leaf.fixed:
            return self.parameters.constant(leaf.read({}), kind)
        return self.parameters.runtime(leaf.get, kind, leaf.path or None)

    def bound_list(self, leaf: Leaf, item: TypeEngine[Any]) -> BindParameter[Any]:
        """A list of values as one parameter."""
        kind: TypeEngine[Any] = ARRAY(item)
        if leaf.fixed:
            return self.parameters.runtime(leaf.get, kind)
        return self.parameters.runtime(leaf.get, kind, (*leaf.path, type(item)) if leaf.path else None)

    def special(self, key: Hashable, special: Special, value: Any, row: Row) -> ColumnElement[bool]:
        """The condition of a special filter. Raises KeyError when it was not prepared."""
        self.reusable = False
        if self._gathering:
            self.uses[key] = SpecialUse(key, special, value)
            return literal(True)
        return self._conditions[key](row)

    def notice(self, permission: Permission | None, at: tuple[str, ...], *, root: bool = False) -> None:
        """Note that a field is null for want of a permission."""
        place = ".".join(at)
        title = permission.title if permission else Bilingual("", "")
        self.notices.setdefault(
            ("forbidden", place),
            Notice(
                Forbidden.code,
                Bilingual(
                    Forbidden.message.zh.format(permission=title.zh), Forbidden.message.en.format(permission=title.en)
                ),
                at if root else None,
                place,
                Forbidden.remedy,
            ),
        )

    def plan(self, statement: ClauseElement, names: tuple[str, ...]) -> Plan:
        """The plan of a statement that is built."""
        sql, sources = self.parameters.compiled(statement)
        return Plan(
            sql,
            sources,
            names,
            tuple(self.notices.values()),
            tuple(self.batches),
            self.reusable,
            tuple(self.records),
        )

    @cached_property
    def nonce(self) -> BindParameter[str]:
        """The execution's mark of batched places."""
        return self.parameters.nonce()


def forbidden(permission: Permission) -> Forbidden:
    """The error for using what takes a permission that the profile lacks."""
    return Forbidden(permission=permission.title)
