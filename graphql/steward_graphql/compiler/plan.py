"""A compiled statement, and how each execution fills it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from steward_graphql.declared.entities import Batched
from steward_graphql.declared.symbolic import Standing


class Execution(NamedTuple):
    """What fills a plan's parameters. `variables`: coerced as the schema says, each scalar already read (`Kind.read`).
    `ids`: the keys asked for, for plans that read rows by key. `nonce`: a random text of this execution, which marks
    the places of batched fields. `zone`: the tenant's time zone, by which moments are grouped into days."""

    tenant_id: UUID
    standing: Standing
    today: date
    variables: Mapping[str, Any]
    ids: Sequence[Any] = ()
    nonce: str = ""
    zone: str = "Asia/Shanghai"


Source = Callable[[Execution], bytes | None]
"""Gives a parameter's value in PostgreSQL's text format."""


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
    In the place of a batched field's value stands nonce + place in `batches` + ":" + the row's id + nonce.
    """

    sql: bytes
    sources: tuple[Source, ...] = field(repr=False)
    names: tuple[str, ...]
    notices: tuple[Notice, ...] = ()
    batches: tuple[Batched, ...] = ()
    reusable: bool = True
    records: tuple[str, ...] = ()

    def parameters(self, execution: Execution) -> list[bytes | None]:
        """The bound values of one execution."""
        return [source(execution) for source in self.sources]
