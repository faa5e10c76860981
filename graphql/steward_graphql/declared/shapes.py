"""Types that are no tables: what functions answer and mutations take, each made from a Python dataclass or given by
its parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import Any
from uuid import UUID

from steward_graphql.declared.scalars import Kind
from steward_tenants.access.permissions import Permission
from steward_tenants.commands.at_once import Acting, AtOnce
from steward_tenants.database.database import Database
from steward_tenants.signin.caller import Caller
from steward_tenants.texts import Bilingual


@dataclass(frozen=True, eq=False)
class EntityRef:
    """A row of an entity, given by its id (or key); it is read in one batch after the function, in the caller's
    scope: null when out of reach."""

    entity: str


@dataclass(frozen=True, eq=False)
class ListOf:
    """A list of something; its items are never null."""

    item: Shape


@dataclass(frozen=True, eq=False)
class Part:
    """One field of an object: `read` takes it from the Python value (default: the attribute or key `source`)."""

    name: str
    shape: Shape
    text: Bilingual
    nullable: bool = True
    source: str | None = None
    read: Callable[[Any], Any] | None = field(default=None, repr=False)

    def of(self, value: Any) -> Any:
        """Its value in `value`, an object or a mapping."""
        if self.read is not None:
            return self.read(value)
        key = self.source or self.name
        return value.get(key) if isinstance(value, Mapping) else getattr(value, key)


@dataclass(frozen=True, eq=False)
class ObjectShape:
    """An object type that comes from Python. A name stands for one shape in the whole schema."""

    name: str
    text: Bilingual
    parts: tuple[Part, ...]


Shape = Kind | EntityRef | ListOf | ObjectShape


@dataclass(frozen=True, eq=False)
class InputObject:
    """An input object type. `parts` in order; a name stands for one type in the whole schema."""

    name: str
    text: Bilingual
    parts: tuple[Argument, ...]


@dataclass(frozen=True, eq=False)
class Argument:
    """An argument, or a field of an input object. `target` is the Python name that receives it.

    `kind` is a Kind or an InputObject; `listed`: a list of it. `default` is written in the schema when not None.
    """

    name: str
    kind: Kind | InputObject
    text: Bilingual
    required: bool = False
    listed: bool = False
    default: Any = None
    target: str | None = None

    @property
    def python_name(self) -> str:
        """The Python name that receives it."""
        return self.target or self.name


@dataclass(frozen=True)
class Asked:
    """Who asks, and when: what functions and mutations are given besides their arguments."""

    caller: Caller
    database: Database
    today: date
    zone: tzinfo
    locale: str
    request_id: str
    tools: Any = None
    """What runs need (`steward_core.runs.service.RunTools`)."""
    mailer: Any = None
    public_url: str = ""
    """Where people reach the application, for links in letters."""

    @property
    def tenant_id(self) -> UUID:
        """The caller's tenant."""
        return self.caller.tenant_id


@dataclass(frozen=True, eq=False)
class Function:
    """A query field that Python answers, in a read session. `call(session, asked, **arguments)` gives the value of
    `result`; it raises StewardError where it refuses. `cost`: what it costs in the budget."""

    name: str
    text: Bilingual
    result: Shape
    call: Callable[..., Awaitable[Any]] = field(repr=False)
    arguments: tuple[Argument, ...] = ()
    nullable: bool = True
    cost: int = 20
    plugin: str | None = None


@dataclass(frozen=True, eq=False)
class AtOnceWay:
    """The short way of a mutation: its command in one statement, `result` being the part that names the row made.
    `values(acting, arguments)` takes the mutation's arguments by their Python names."""

    way: AtOnce
    result: str
    values: Callable[[Acting, Mapping[str, Any]], Mapping[str, Any] | None] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Mutation:
    """A mutation. Its input has `arguments` and `idempotencyKey`; its payload has `results` and `userErrors`.

    `call(session, asked, **arguments)` runs in a write session that commits when it returns; with `edge` it is given
    the database instead of a session and sees to its own transactions. It gives the object that `results` read from.
    `answer` turns that into JSON to be kept under an idempotency key, `again` reads it back. `secret`: names of
    results that are shown once only and never kept.
    """

    name: str
    text: Bilingual
    call: Callable[..., Awaitable[Any]] = field(repr=False)
    results: tuple[Part, ...] = ()
    arguments: tuple[Argument, ...] = ()
    permission: Permission | None = None
    edge: bool = False
    secret: frozenset[str] = frozenset()
    cost: int = 50
    plugin: str | None = None
    command: str | None = None
    at_once: AtOnceWay | None = None


@dataclass(frozen=True, eq=False)
class Subscription:
    """A subscription. `changes(asked, **arguments)` is an asynchronous iterator of values of `result`."""

    name: str
    text: Bilingual
    result: Shape
    changes: Callable[..., Any] = field(repr=False)
    arguments: tuple[Argument, ...] = ()
    plugin: str | None = None
