"""Parameters of a plan: who fills each at execution, and that no mark is left among the constants."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ClauseElement, Date, Text, Uuid, bindparam
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.types import TypeEngine

from steward_graphql.compiler.encoding import Encoder, encoder_of
from steward_graphql.compiler.plan import Execution, Fixed, Source
from steward_tenants.access.symbolic import ACTOR, TENANT, TODAY, refuse_marks, root_place

Get = Callable[[Execution], Any]
DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_UUID, _DATE = encoder_of(Uuid()), encoder_of(Date())


class Parameters:
    """The named parameters of one statement that executions fill."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {"tenant": _tenant, "today": _today}
        self._known: dict[Any, BindParameter[Any]] = {}

    def constant(self, value: Any, kind: TypeEngine[Any]) -> BindParameter[Any]:
        """A value of the document."""
        encoded = encoder_of(kind)(value)
        return self._named(kind, Fixed(encoded), (type(kind), encoded))

    def runtime(self, get: Get, kind: TypeEngine[Any], key: Any = None) -> BindParameter[Any]:
        """A value that each execution gives. Parameters with one `key` and type are one."""
        encode: Encoder = encoder_of(kind)
        return self._named(kind, lambda execution: encode(get(execution)), key and (type(kind), key))

    def source(self, source: Source, kind: TypeEngine[Any]) -> BindParameter[Any]:
        """A parameter that is written by its source."""
        return self._named(kind, source, None)

    def given(self, name: str, kind: TypeEngine[Any]) -> BindParameter[Any]:
        """The value of this name among an execution's `given`."""
        return self.runtime(lambda execution: execution.given[name], kind, f"given {name}")

    def nonce(self) -> BindParameter[str]:
        """The execution's mark of batched places."""
        return self.runtime(lambda execution: execution.nonce, Text(), "nonce")

    def _named(self, kind: TypeEngine[Any], source: Source, key: Any) -> BindParameter[Any]:
        if key is not None and key in self._known:
            return self._known[key]
        name = f"s{len(self._sources)}"
        self._sources[name] = source
        made: BindParameter[Any] = bindparam(name, None, type_=kind)
        if key is not None:
            self._known[key] = made
        return made

    def compiled(self, statement: ClauseElement) -> tuple[bytes, tuple[Source, ...]]:
        """The statement's text and what fills $1, $2, … of it."""
        compiled: Any = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
        expanded = compiled._post_compile_expanded_state
        lists = {} if expanded is None else expanded.parameter_expansion
        list_of = {item: name for name, items in lists.items() for item in items}
        sources = []
        for name in compiled.positiontup:
            own = self._sources.get(name)
            if own is None:
                bind = compiled.binds[list_of.get(name, name)]
                value = expanded.parameters[name] if name in list_of else bind.effective_value
                own = _source_of(value, bind.type)
            sources.append(own)
        return compiled.string.encode(), tuple(sources)


def _tenant(execution: Execution) -> bytes:
    return str(execution.tenant_id).encode()


def _actor(execution: Execution) -> bytes:
    return str(execution.standing.actor_id).encode()


def _today(execution: Execution) -> bytes:
    return execution.today.isoformat().encode()


def _source_of(value: Any, kind: TypeEngine[Any]) -> Source:
    """What fills a parameter that some builder of conditions made: a mark's value, or the constant."""
    if isinstance(value, UUID):
        if value == TENANT:
            return _tenant
        if value == ACTOR:
            return _actor
        place = root_place(value)
        if place is not None:
            return lambda execution: _UUID(execution.standing.roots[place])
    if value == TODAY and not isinstance(value, datetime):
        return _today
    refuse_marks(value)
    return Fixed(encoder_of(kind)(value))
