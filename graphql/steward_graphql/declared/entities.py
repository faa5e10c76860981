"""Types over tables. A type says once how each field comes from the database; schema, compiler, tests and docs read it.

CLIENT = Entity(
    "Client", Client, "客户", "A client that is managed here.", kind=CLIENT_ROWS,
    fields=(
        column(Client.name, "客户名称", "Its full name", filter=True, order=True),
        one("owner", "Person", Client.owner_id, "客户经理", "The account manager who owns it"),
        many("contacts", "Contact", "client_id", "联系人", "Its contacts"),
    ),
)
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, ColumnElement, Date, DateTime, FromClause, Integer, Numeric, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import ARRAY

from steward_graphql.declared.scalars import BOOLEAN, DATE, DATETIME, DECIMAL, ID, INT, JSON, STRING, Kind
from steward_tenants.access.permissions import Permission
from steward_tenants.access.queries import hidden
from steward_tenants.access.row_kinds import RowKind
from steward_tenants.access.symbolic import Profile, SymbolicSession
from steward_tenants.access.symbolic import today as today_parameter
from steward_tenants.database.session import ReadSession
from steward_tenants.database.tables import TenantTable
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class Planning:
    """What expressions get to know while a statement is built."""

    session: SymbolicSession
    profile: Profile

    @property
    def today(self) -> ColumnElement[date]:
        """The tenant's day, bound."""
        return today_parameter()


@dataclass(frozen=True)
class Row:
    """One reference to a table in the statement: `table` is the alias, whose columns are its attributes."""

    table: Any
    planning: Planning

    def within(self, table: type[TenantTable] | FromClause | Any) -> ColumnElement[bool]:
        """Wall 2's predicate for any further table that an expression reads."""
        return self.planning.session.within(table)

    @property
    def today(self) -> ColumnElement[date]:
        """The tenant's day, bound."""
        return self.planning.today


Expression = Callable[[Row], ColumnElement[Any]]
Condition = Callable[[Row], ColumnElement[bool]]
Link = Callable[[Row, Row], ColumnElement[bool]]
"""The condition that joins a target row (second) to its source row (first)."""
Narrowing = Callable[[Row, str, ColumnElement[Any]], ColumnElement[bool] | None]
"""From a row, a comparison (`eq`, `in`, `gt`, `has` …) and its bound value (an array for `in`): see `Value.narrow`."""


@dataclass(frozen=True, eq=False)
class Value:
    """A field with a single value, or with `listed` an SQL array of them.

    `expression` gives SQL of `kind`. `permission`: without it the field is null and the answer says so.
    `filter`, `order`, `group`: what may be done by it. A masked field can do none of the three.
    `argument`: a list of texts that the field takes (`keys`); then `expression_by` gives its SQL from the bound array.
    `narrow`: a condition that every row meets whose value meets the comparison, and that an index can answer. A filter
    puts it beside the comparison (`narrow AND comparison`), which still decides; None where there is none for it.
    """

    name: str
    kind: Kind
    text: Bilingual
    expression: Expression = field(repr=False)
    nullable: bool = True
    listed: bool = False
    filter: bool = False
    order: bool = False
    group: bool = False
    aggregate: bool = False
    masked: bool = False
    permission: Permission | None = None
    argument: str | None = None
    expression_by: Callable[[Row, ColumnElement[Any]], ColumnElement[Any]] | None = field(default=None, repr=False)
    narrow: Narrowing | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.masked and (self.filter or self.order or self.group or self.aggregate):
            raise ValueError(f"{self.name}: a masked field cannot be filtered, sorted, grouped or summed by")


@dataclass(frozen=True, eq=False)
class One:
    """A field that leads to one row of `target` (an entity's name), null when there is none or it is out of reach.

    `granted`: whoever reaches the source row reaches the target too, so its scope is not asked again.
    """

    name: str
    target: str
    text: Bilingual
    link: Link = field(repr=False)
    filter: bool = True
    granted: bool = False


@dataclass(frozen=True, eq=False)
class Many:
    """A field that leads to a connection of `target`. `granted` as for `One`."""

    name: str
    target: str
    text: Bilingual
    link: Link = field(repr=False)
    filter: bool = False
    granted: bool = False


@dataclass(frozen=True, eq=False)
class Special:
    """A filter that is no comparison of one field: a search, a condition over other tables, custom fields.

    `kind`: of its input value, or with `shape` an input object given as (name, kind, required, text) each, or with
    `listed` a list of either. `prepare` gets the input value as read and answers the condition; a session is there
    for what has to be looked up first. Plans with a special filter are built for one request: values may be constants.
    """

    name: str
    text: Bilingual
    prepare: Callable[[ReadSession, Any, date], Awaitable[Condition]] = field(repr=False)
    kind: Kind | None = None
    shape: tuple[tuple[str, Kind, bool, Bilingual], ...] = ()
    shape_name: str = ""
    listed: bool = False


@dataclass(frozen=True, eq=False)
class Batched:
    """A field that SQL cannot give: its values are asked for all rows of an answer at once, after the statement.

    `values(session, ids, today)` answers JSON values by id; a row without one is null. docs/graphql.md lists them.
    """

    name: str
    kind: Kind
    text: Bilingual
    values: Callable[[ReadSession, Sequence[UUID], date], Awaitable[Mapping[UUID, Any]]] = field(repr=False)


Field = Value | One | Many | Batched


@dataclass(frozen=True, eq=False)
class Concrete:
    """How a concrete type of an interface is told from its siblings: `entity`'s rows are those where `is_it` holds."""

    entity: str
    is_it: Condition = field(repr=False)


@dataclass(frozen=True, eq=False)
class Entity:
    """A type over a table.

    `view`: the permission that reading it takes (None: anyone signed in); default: the row kind's. `kind` gives its
    row scope, or `reach` does, where a kind cannot say it; neither: every row of the tenant to whoever has `view`.
    `always`: a fixed condition on every row that lists and counts show (removed notes are left out); a row that is
    reached by id or by a `One` need not meet it. `belongs`: a condition that makes a row one of this type at all.
    `key`: the columns that identify a row besides the tenant; a node's is its `id`. `order`: the default order as
    (field, descending); the key follows. `concrete`: the types of an interface, the last of which takes the rest.
    `recorded`: the audit action (`read.…`) that whatever is asked of its rows is recorded as, before it is answered.
    """

    name: str
    table: type[TenantTable]
    text: Bilingual
    fields: tuple[Field, ...]
    kind: RowKind | None = None
    view: Permission | None = None
    reach: Condition | None = field(default=None, repr=False)
    always: Condition | None = field(default=None, repr=False)
    belongs: Condition | None = field(default=None, repr=False)
    key: tuple[str, ...] = ("id",)
    order: tuple[tuple[str, bool], ...] = ()
    specials: tuple[Special, ...] = ()
    node: bool = True
    interfaces: tuple[str, ...] = ()
    concrete: tuple[Concrete, ...] = ()
    plural: str = ""
    recorded: str | None = None

    def __post_init__(self) -> None:
        if self.view is None and self.kind is not None:
            object.__setattr__(self, "view", self.kind.view)

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Its fields by name."""
        return {one.name: one for one in self.fields}

    @cached_property
    def specials_by_name(self) -> dict[str, Special]:
        """Its special filters by name."""
        return {one.name: one for one in self.specials}

    def value(self, name: str) -> Value:
        """The value field of this name. Raises KeyError."""
        found = self.by_name[name]
        if not isinstance(found, Value):
            raise KeyError(name)
        return found


def camel(name: str) -> str:
    """`owner_id` as GraphQL writes it: `ownerId`."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def snake(name: str) -> str:
    """`ownerId` as a constant of an enum: `OWNER_ID`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def kind_of(column: Any) -> Kind:
    """The kind of a table's column by its SQL type; whole numbers are Int unless the declaration says otherwise."""
    kind = column.type
    if isinstance(kind, ARRAY):
        kind = kind.item_type
    for sql, known in (
        (Uuid, ID),
        (Boolean, BOOLEAN),
        (BigInteger, INT),
        (Integer, INT),
        (Numeric, DECIMAL),
        (DateTime, DATETIME),
        (Date, DATE),
        (JSONB, JSON),
        (Text, STRING),
    ):
        if isinstance(kind, sql):
            return known
    return STRING


def column(
    attribute: Any,
    zh: str,
    en: str,
    *,
    name: str | None = None,
    kind: Kind | None = None,
    nullable: bool | None = None,
    filter: bool = False,  # noqa: A002
    order: bool = False,
    group: bool = False,
    aggregate: bool = False,
    permission: Permission | None = None,
) -> Value:
    """A field that is a column of the entity's table."""
    key = attribute.key
    sql = attribute.property.columns[0]

    def expression(row: Row) -> ColumnElement[Any]:
        found: ColumnElement[Any] = getattr(row.table, key)
        return found

    return Value(
        name or camel(key),
        kind or kind_of(sql),
        Bilingual(zh, en),
        expression,
        nullable=bool(sql.nullable) if nullable is None else nullable,
        listed=isinstance(sql.type, ARRAY),
        filter=filter,
        order=order,
        group=group,
        aggregate=aggregate,
        permission=permission,
    )


def computed(
    name: str,
    kind: Kind,
    expression: Expression,
    zh: str,
    en: str,
    *,
    nullable: bool = True,
    listed: bool = False,
    filter: bool = False,  # noqa: A002
    order: bool = False,
    group: bool = False,
    aggregate: bool = False,
    permission: Permission | None = None,
) -> Value:
    """A field that is an SQL expression."""
    return Value(
        name,
        kind,
        Bilingual(zh, en),
        expression,
        nullable,
        listed,
        filter,
        order,
        group,
        aggregate,
        permission=permission,
    )


def masked(attribute: Any, kind: RowKind, zh: str, en: str) -> Value:
    """A sensitive column as lists show it: always its mask. Revealing is a mutation, and recorded."""
    key = attribute.key
    sort = kind.fields[key]
    return Value(
        camel(key),
        STRING,
        Bilingual(zh, en),
        lambda row: hidden(getattr(row.table, key), keep=sort.keep, domain=sort.domain),
        masked=True,
    )


def one(
    name: str,
    target: str,
    attribute: Any,
    zh: str,
    en: str,
    *,
    key: str = "id",
    filter: bool = True,  # noqa: A002
    granted: bool = False,
) -> One:
    """A field that follows a column of this table to the target's `key`."""
    source = attribute.key
    return One(
        name,
        target,
        Bilingual(zh, en),
        lambda row, other: getattr(other.table, key) == getattr(row.table, source),
        filter,
        granted,
    )


def many(
    name: str,
    target: str,
    foreign: str,
    zh: str,
    en: str,
    *,
    key: str = "id",
    filter: bool = False,  # noqa: A002
    granted: bool = False,
) -> Many:
    """A field that leads to the target's rows whose column `foreign` names this row."""
    return Many(
        name,
        target,
        Bilingual(zh, en),
        lambda row, other: getattr(other.table, foreign) == getattr(row.table, key),
        filter,
        granted,
    )


@dataclass(frozen=True, eq=False)
class ListRoot:
    """A query field that is a connection over all of an entity's rows within reach."""

    name: str
    entity: str
    text: Bilingual


@dataclass(frozen=True, eq=False)
class OneRoot:
    """A query field that is one row by `arguments`: (argument, kind, column) each; null when there is none in reach.

    `of_actor` names the column that holds the actor's own id instead (`me`), and `view` is not asked then.
    """

    name: str
    entity: str
    text: Bilingual
    arguments: tuple[tuple[str, Kind, str], ...] = (("id", ID, "id"),)
    of_actor: str | None = None


Root = ListRoot | OneRoot


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Types and query fields that belong together: a floor's, or one plugin's. `plugin` None: always there."""

    entities: Sequence[Entity] = ()
    roots: Sequence[Root] = ()
    plugin: str | None = None
