"""Commands in one statement: for those that are called so often that their round trips count.

Such a statement does all that the command does when everything is in order (its row, the audit event, the sealer's
doorbell), or nothing at all. Whatever is not in order, the command itself decides on, so that no rule and no error text
stands twice; a test holds both ways to the same rows and events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, BindParameter
from sqlalchemy.types import TypeEngine

from steward_tenants.database.actor import Actor
from steward_tenants.database.session import TenantSession
from steward_tenants.database.vault import Vault

Given = Callable[[str, TypeEngine[Any]], BindParameter[Any]]
"""A parameter that each execution fills, by its name among the values."""


@dataclass(frozen=True)
class Acting:
    """Who acts, for the values of an audit event."""

    tenant_id: UUID
    actor: Actor
    vault: Vault
    request_id: str


@dataclass(frozen=True)
class WritesAtOnce:
    """A statement that writes: `rows` is the insertion of the row that is made, with all columns of its table; it gives
    none when something is not in order. `also` is what is written besides. Whether somebody sees the row must not
    depend on that: the row is read in the same statement, where nothing else of it shows."""

    rows: CTE
    also: tuple[CTE, ...] = ()


@dataclass(frozen=True)
class AtOnce:
    """`statement(session, today, given)` builds the statement. `values` answers its parameters for the command's own
    arguments, `id` (of the row that is made) among them; None when only the command can decide."""

    command: str
    statement: Callable[[TenantSession, date, Given], WritesAtOnce]
    values: Callable[[Acting, Mapping[str, Any]], Mapping[str, Any] | None]


AT_ONCE: dict[str, AtOnce] = {}


def declare_at_once(way: AtOnce) -> AtOnce:
    """Declare the short way of a command; a command has one."""
    if way.command in AT_ONCE:
        raise ValueError(f"command {way.command} has two short ways")
    AT_ONCE[way.command] = way
    return way
