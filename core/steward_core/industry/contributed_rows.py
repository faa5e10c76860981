"""The rows that a plugin brings into a tenant: kinds and tiers of clients, metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, select

from steward_core.clients.models import Client, ClientFact, ClientKind, ClientTier, Metric
from steward_core.industry.declarations import Industry
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.database.tables import TenantTable
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class RowChanges:
    """What bringing one table's rows up to a declaration does, by key. `kept`: keys that the tenant itself or another
    plugin has; their rows stay as they are. `in_use`: no longer declared, but some client has them."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    in_use: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether a row would be written."""
        return bool(self.added or self.changed or self.retired)


@dataclass(frozen=True)
class _Part:
    """One of the tables, what a declaration says for it, and where its keys are used."""

    name: str
    table: Any
    used: type[TenantTable]
    column: Any


PARTS = (
    _Part("kinds", ClientKind, Client, Client.kind),
    _Part("tiers", ClientTier, Client, Client.tier),
    _Part("metrics", Metric, ClientFact, ClientFact.metric),
)
FURTHER = ("rank", "measure", "grain", "additive")
"""Columns beside the titles, where a declaration has them."""


async def changes_of(session: TenantSession, industry: Industry) -> dict[str, RowChanges]:
    """What enabling or upgrading this plugin would do to each table: `kinds`, `tiers`, `metrics`."""
    return {part.name: (await _compare(session, part, industry))[0] for part in PARTS}


async def write_rows(session: WriteSession, industry: Industry) -> dict[str, RowChanges]:
    """Bring kinds, tiers and metrics up to the declaration; answers what was done."""
    done = {}
    for part in PARTS:
        changes, rows = await _compare(session, part, industry)
        for one in getattr(industry, part.name):
            if one.key in changes.added:
                session.add(part.table(key=one.key, plugin=industry.key, retired=False, **_values(one)))
            elif one.key in changes.changed:
                _set(rows[one.key], retired=False, **_values(one))
        for key in changes.retired:
            _set(rows[key], retired=True)
        done[part.name] = changes
    await session.flush()
    return done


async def retire_rows(session: WriteSession, plugin: str) -> dict[str, RowChanges]:
    """Retire what a plugin brought, except what clients have; answers what was done."""
    done = {}
    for part in PARTS:
        rows = [row for row in (await _rows(session, part)).values() if row.plugin == plugin and not row.retired]
        in_use = await _in_use(session, part, [row.key for row in rows])
        for row in rows:
            if row.key not in in_use:
                row.retired = True
        retired = tuple(sorted(row.key for row in rows if row.key not in in_use))
        done[part.name] = RowChanges(retired=retired, in_use=tuple(sorted(in_use)))
    await session.flush()
    return done


async def _compare(session: TenantSession, part: _Part, industry: Industry) -> tuple[RowChanges, Mapping[str, Any]]:
    rows = await _rows(session, part)
    declared: Sequence[Any] = getattr(industry, part.name)
    gone = [
        key
        for key, row in rows.items()
        if row.plugin == industry.key and not row.retired and key not in {one.key for one in declared}
    ]
    in_use = await _in_use(session, part, gone)
    own = [one for one in declared if one.key in rows and rows[one.key].plugin == industry.key]
    changes = RowChanges(
        added=tuple(one.key for one in declared if one.key not in rows),
        changed=tuple(one.key for one in own if rows[one.key].retired or _differs(rows[one.key], one)),
        retired=tuple(sorted(set(gone) - in_use)),
        kept=tuple(one.key for one in declared if one.key in rows and rows[one.key].plugin != industry.key),
        in_use=tuple(sorted(in_use)),
    )
    return changes, rows


async def _rows(session: TenantSession, part: _Part) -> dict[str, Any]:
    statement = select(part.table).where(session.within(part.table)).execution_options(populate_existing=True)
    return {row.key: row for row in await session.scalars(statement)}


async def _in_use(session: TenantSession, part: _Part, keys: Iterable[str]) -> set[str]:
    """Those of the keys that some client, or some fact, has: one look into an index or a short scan for each."""
    used = set()
    for key in keys:
        condition: ColumnElement[bool] = exists().where(session.within(part.used), part.column == key)
        if await session.scalar(select(condition)):
            used.add(key)
    return used


def _values(one: Any) -> dict[str, Any]:
    title: Bilingual = one.title
    return {"title_zh": title.zh, "title_en": title.en} | {
        name: getattr(one, name) for name in FURTHER if hasattr(one, name)
    }


def _differs(row: Any, one: Any) -> bool:
    return any(getattr(row, name) != value for name, value in _values(one).items())


def _set(row: Any, **values: Any) -> None:
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
