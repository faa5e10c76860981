"""What the reference executor reads: every row of a tenant's table, once, as the superuser, whose eyes no policy
closes. Which rows a caller reaches is decided afterwards, in Python.

Fields that are SQL expressions are evaluated over the whole table; so are links, as pairs of keys.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, and_, literal, select

from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Condition, Entity, Link, Planning, Row, Value, camel
from steward_tenants.access.row_kinds import RowKind
from steward_tenants.access.rules import RowPlace, decide
from steward_tenants.access.symbolic import TENANT, TODAY, Profile, SymbolicSession
from steward_tenants.database.actor import Actor
from steward_tenants.database.tables import TenantTable
from steward_tenants.organisation.models import UnitPath

Key = tuple[Any, ...]


@dataclass(eq=False)
class Record:
    """One row as a type: `values` by field, `columns` by column, `flags` of the type's conditions."""

    entity: Entity
    key: Key
    values: dict[str, Any]
    columns: dict[str, Any] = field(repr=False)
    flags: dict[str, Any]
    concrete: str


class Plain:
    """A table under a name of its own, whose columns are its attributes."""

    def __init__(self, table: type[TenantTable]) -> None:
        core: Any = table.__table__
        self._alias = core.alias()
        for one in table.__mapper__.column_attrs:
            setattr(self, one.key, self._alias.c[one.columns[0].name])

    def __clause_element__(self) -> Any:
        return self._alias


class Tables:
    """Everything of one tenant as one actor's reference reads it. Made for one request's worth of unchanging data."""

    def __init__(self, engine: Engine, api: Api, tenant_id: UUID, actor: Actor, day: date) -> None:
        self.engine, self.api, self.tenant_id, self.actor, self.day = engine, api, tenant_id, actor, day
        self.planning = Planning(SymbolicSession(actor), Profile(actor))
        self._records: dict[str, dict[Key, Record]] = {}
        self._raw: dict[type[TenantTable], dict[Any, dict[str, Any]]] = {}
        self._links: dict[tuple[str, str], dict[Key, list[Key]]] = {}
        self._above: dict[UUID, set[UUID]] | None = None

    def run(self, statement: Any) -> Sequence[Any]:
        """Rows of a statement whose marks are replaced by what they stand for."""
        compiled = statement.compile(self.engine, compile_kwargs={"render_postcompile": True})
        marks = {TENANT: self.tenant_id, TODAY: self.day}
        values = {
            name: marks.get(value, value) if isinstance(value, UUID | date) else value
            for name, value in compiled.construct_params().items()
        }
        with self.engine.connect() as connection:
            return connection.exec_driver_sql(str(compiled), values).all()

    def records(self, entity: Entity) -> dict[Key, Record]:
        """Every row of the entity's table by key, reachable or not."""
        if entity.name not in self._records:
            self._records[entity.name] = self._read(entity)
        return self._records[entity.name]

    def _read(self, entity: Entity) -> dict[Key, Record]:
        row = Row(Plain(entity.table), self.planning)
        own = {} if entity.kind is None else {camel(name): name for name in entity.kind.fields}
        values = [
            one
            for one in entity.fields
            if isinstance(one, Value) and one.argument is None and not (one.masked and one.name in own)
        ]
        flags: dict[str, Condition] = {
            name: condition
            for name, condition in (
                ("always", entity.always),
                ("belongs", entity.belongs),
                ("reach", entity.reach),
                *((f"is {one.entity}", one.is_it) for one in entity.concrete),
            )
            if condition is not None
        }
        columns = [getattr(row.table, name).label(f"k{place}") for place, name in enumerate(entity.key)]
        columns += [one.expression(row).label(f"v{place}") for place, one in enumerate(values)]
        columns += [condition(row).label(f"f{place}") for place, condition in enumerate(flags.values())]
        found = {}
        raw = self.raw(entity.table, entity.key)
        for line in self.run(select(*columns).select_from(row.table).where(row.within(row.table))):
            cells = tuple(line)
            key = cells[: len(entity.key)]
            shown = dict(zip((one.name for one in values), cells[len(key) :], strict=False))
            told = dict(zip(flags, cells[len(key) + len(values) :], strict=True))
            shown |= self._masked(entity, raw[key])
            concrete = next((one.entity for one in entity.concrete if told[f"is {one.entity}"]), entity.name)
            if entity.concrete and concrete == entity.name:
                concrete = entity.concrete[-1].entity
            found[key] = Record(entity, key, shown, raw[key], told, concrete)
        return found

    def _masked(self, entity: Entity, columns: dict[str, Any]) -> dict[str, Any]:
        fields = {} if entity.kind is None else {camel(name): name for name in entity.kind.fields}
        return {
            one.name: entity.kind.fields[fields[one.name]].hide(columns[fields[one.name]])
            for one in entity.fields
            if isinstance(one, Value) and one.masked and entity.kind is not None and one.name in fields
        }

    def by_argument(self, entity: Entity, one: Value, keys: Any) -> dict[Key, Any]:
        """A field that takes a list of texts, for every row."""
        assert one.expression_by is not None
        row = Row(Plain(entity.table), self.planning)
        names = [getattr(row.table, name) for name in entity.key]
        given = literal(list(keys)) if keys is not None else None
        expression = one.expression(row) if given is None else one.expression_by(row, given)
        lines = self.run(select(*names, expression.label("v")).select_from(row.table).where(row.within(row.table)))
        return {tuple(line)[:-1]: tuple(line)[-1] for line in lines}

    def matching(self, entity: Entity, condition: Condition) -> set[Key]:
        """The keys of the rows that meet a condition in SQL."""
        row = Row(Plain(entity.table), self.planning)
        names = [getattr(row.table, name) for name in entity.key]
        return {
            tuple(line)
            for line in self.run(select(*names).select_from(row.table).where(row.within(row.table), condition(row)))
        }

    def linked(self, source: Entity, name: str, target: Entity, link: Link, key: Key) -> list[Record]:
        """The target's rows that a row leads to, whoever reaches them."""
        place = (source.name, name)
        if place not in self._links:
            one, other = (Row(Plain(entity.table), self.planning) for entity in (source, target))
            names = [getattr(one.table, column).label(f"s{column}") for column in source.key]
            names += [getattr(other.table, column).label(f"t{column}") for column in target.key]
            pairs: dict[Key, list[Key]] = defaultdict(list)
            condition = and_(one.within(one.table), other.within(other.table), link(one, other))
            for line in self.run(select(*names).where(condition)):
                cells = tuple(line)
                pairs[cells[: len(source.key)]].append(cells[len(source.key) :])
            self._links[place] = pairs
        known = self.records(target)
        return [known[one] for one in self._links[place].get(key, ())]

    def raw(self, table: type[TenantTable], key: tuple[str, ...] = ("id",)) -> dict[Key, dict[str, Any]]:
        """Every row of a table as its columns."""
        if table not in self._raw:
            core: Any = table.__table__
            lines = self.run(select(core).where(core.c.tenant_id == self.tenant_id))
            attributes = {one.columns[0].name: one.key for one in table.__mapper__.column_attrs}
            names = [attributes[column.name] for column in core.columns]
            self._raw[table] = {place: dict(zip(names, line, strict=True)) for place, line in enumerate(lines)}
        return {tuple(row[name] for name in key): row for row in self._raw[table].values()}

    def belongs(self, record: Record) -> bool:
        """Whether a row is one of its type at all."""
        if "belongs" in record.flags:
            return bool(record.flags["belongs"])
        if not record.entity.interfaces:
            return True
        whole = self.api.entities[record.entity.interfaces[0]]
        return self.records(whole)[record.key].concrete == record.entity.name

    def reaches(self, record: Record) -> bool:
        """Whether the actor's row scope covers a row; decided in Python for kinds of rows."""
        entity = record.entity
        if entity.kind is not None:
            assert entity.view is not None
            return decide(self.actor, entity.view, self._place(entity.kind, record.columns)).allowed
        return bool(record.flags["reach"]) if entity.reach is not None else True

    def _place(self, kind: RowKind, columns: dict[str, Any]) -> RowPlace:
        if kind.parent is not None:
            parent_id = columns[kind.parent_id.key]
            if parent_id is None and kind.without_parent is not None:
                return self._place(kind.without_parent, columns)
            above = self.raw(kind.parent.table).get((parent_id,))
            return RowPlace(None, None) if above is None else self._place(kind.parent, above)
        owner, unit, stand_in = (
            None if column is None else columns[column.key] for column in (kind.owner, kind.unit, kind.stand_in)
        )
        return RowPlace(owner, unit, frozenset(self._units_above().get(unit, ())), stand_in)

    def _units_above(self) -> dict[Any, set[UUID]]:
        if self._above is None:
            self._above = defaultdict(set)
            names = ("ancestor_id", "descendant_id", "valid_from")
            for row in self.raw(UnitPath, names).values():
                if row["valid_from"] <= self.day < row["valid_until"]:
                    self._above[row["descendant_id"]].add(row["ancestor_id"])
        return self._above
