"""A compiled statement, and how each execution fills it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from steward_graphql.declared.entities import Batched
from steward_tenants.access.symbolic import Standing
from steward_tenants.commands.at_once import Given, WritesAtOnce
from steward_tenants.database.session import TenantSession


class Execution(NamedTuple):
    """What fills a plan's parameters. `variables`: coerced as the schema says, each scalar already read (`Kind.read`).
    `ids`: the keys asked for, for plans that read rows by key. `nonce`: a random text of this execution, which marks
    the places of batched fields. `zone`: the tenant's time zone, by which moments are grouped into days. `given`: the
    values of a command that is done in the same statement."""

    tenant_id: UUID
    standing: Standing
    today: date
    variables: Mapping[str, Any]
    ids: Sequence[Any] = ()
    nonce: str = ""
    zone: str = "Asia/Shanghai"
    given: Mapping[str, Any] = MappingProxyType({})


class Fixed:
    """A source whose value no execution changes."""

    __slots__ = ("value",)

    def __init__(self, value: bytes | None) -> None:
        self.value = value

    def __call__(self, _execution: Execution) -> bytes | None:
        """The value."""
        return self.value


Source = Callable[[Execution], bytes | None]
"""Gives a parameter's value in PostgreSQL's text format."""
Writes = Callable[[TenantSession, date, Given], WritesAtOnce]
"""What an `AtOnce` writes."""


@dataclass(frozen=True, eq=False)
class Notice:
    """An error that stands in the answer of every execution of a plan: a field that the caller lacks the permission
    for. `path` is there for fields of the query itself; `at` names the place in dots otherwise."""

    code: str
    message: Any
    path: tuple[str, ...] | None
    at: str
    remedy: Any = None


@dataclass(frozen=True, eq=False)
class Plan:
    """One statement. Each of its columns is JSON text; `names` are the response keys they belong to, in order.

    A plan by key gives rows of (key as text, JSON text) instead, and `names` is empty.
    `records`: the audit actions that its reading is to be recorded as, before it is run.
    `of_written`: makes a plan of it that writes the row as well, when it tells of nothing but the row's own columns.
    In the place of a batched field's value stands nonce + place in `batches` + ":" + the row's id + nonce.
    """

    sql: bytes
    sources: tuple[Source, ...] = field(repr=False)
    names: tuple[str, ...]
    notices: tuple[Notice, ...] = ()
    batches: tuple[Batched, ...] = ()
    reusable: bool = True
    records: tuple[str, ...] = ()
    of_written: Callable[[Writes], Plan] | None = field(default=None, repr=False)
    made_of_written: dict[str, Plan] = field(default_factory=dict, repr=False)
    """What it has made, by command."""
    _fixed: list[bytes | None] = field(init=False, repr=False)
    _varying: tuple[tuple[int, Source], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        fixed = [source.value if isinstance(source, Fixed) else None for source in self.sources]
        varying = tuple((place, one) for place, one in enumerate(self.sources) if not isinstance(one, Fixed))
        object.__setattr__(self, "_fixed", fixed)
        object.__setattr__(self, "_varying", varying)

    def parameters(self, execution: Execution) -> list[bytes | None]:
        """The bound values of one execution."""
        filled = self._fixed.copy()
        for place, source in self._varying:
            filled[place] = source(execution)
        return filled
