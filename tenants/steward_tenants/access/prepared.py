"""Statements of the symbolic session, compiled once and run for whoever asks.

Building a statement of many parts and compiling it takes longer than PostgreSQL needs to answer it; what depends on the
asker in it are a few parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, Row
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from steward_tenants.access.symbolic import ACTOR, TENANT, TODAY, Standing, refuse_marks, root_place
from steward_tenants.database.session import TenantSession

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Prepared:
    """The text of a statement, its constants, and which parameters every run fills with what."""

    text: str
    constants: dict[str, Any]
    marks: tuple[tuple[str, Any], ...]

    async def rows(
        self, session: TenantSession, standing: Standing, today: date, named: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        """All rows for an actor of the profile that it was built with; `standing` is that of the session's actor.
        `named` stands in place of constants of these names."""
        given = {name: _filled(mark, session.tenant_id, standing, today) for name, mark in self.marks}
        connection = await session.connection()
        return (await connection.exec_driver_sql(self.text, {**self.constants, **given, **(named or {})})).all()


def prepared(statement: Executable) -> Prepared:
    """Compile a statement that was built with a `SymbolicSession` and `TODAY`.

    Raises ValueError when a mark is part of a constant, or is of a type whose values change on their way to the driver.
    """
    compiled: Any = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})  # type: ignore[attr-defined]
    constants: dict[str, Any] = {}
    marks: list[tuple[str, Any]] = []
    for name, value in compiled.construct_params().items():
        change = compiled._bind_processors.get(name)
        if change is None and _is_mark(value):
            marks.append((name, value))
        else:
            refuse_marks(value)
            constants[name] = value if change is None else change(value)
    return Prepared(compiled.string, constants, tuple(marks))


def _is_mark(value: object) -> bool:
    return value in (TENANT, ACTOR) or root_place(value) is not None or (type(value) is date and value == TODAY)


def _filled(mark: Any, tenant_id: UUID, standing: Standing, today: date) -> Any:
    if mark == TENANT:
        return tenant_id
    if mark == ACTOR:
        return standing.actor_id
    place = root_place(mark)
    return today if place is None else standing.roots[place]
