"""The statements of an inbox. They depend on what somebody may do, not on who it is, and are built once for each such
profile: there are many sources, and inboxes are looked at all the time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, Select, Text, bindparam, cast, func, select, union_all

from steward_core.inbox.items import InboxKind
from steward_core.inbox.lines import Rows
from steward_core.inbox.sources import sources
from steward_tenants.access.prepared import Prepared, prepared
from steward_tenants.access.symbolic import TODAY, Profile, SymbolicSession

MOST = 100
LIMIT = "most"
"""The name of the parameter that says how many lines of each kind are wanted."""
MOST_PROFILES = 64

States = tuple[tuple[str, tuple[str, ...]], ...]
"""Forms (full keys) with the states in which somebody else than the writer decides."""


@dataclass(frozen=True)
class InboxStatements:
    """For a profile: the kinds that it may have, and what reads them.

    `lines` gives (kind, id, client_id, name, note, at, count, lines, things), the latest first and of each kind at most
    `LIMIT`; `lines` and `things` are how many of the kind there are in all, and what their counts add up to. `sums`
    gives (kind, lines, things, latest, mixed) of each kind that has any.
    """

    kinds: frozenset[InboxKind]
    lines: Prepared | None
    sums: Prepared | None


@lru_cache(maxsize=MOST_PROFILES)
def statements_of(
    profile: Profile, states: States, kinds: frozenset[InboxKind], runs: frozenset[str]
) -> InboxStatements:
    """The statements for a profile, of these kinds where any are given. `runs` are the kinds of runs there are."""
    found = {
        kind: statement
        for kind, statement in sources(SymbolicSession(profile.actor), TODAY, dict(states), runs).items()
        if not kinds or kind in kinds
    }
    if not found:
        return InboxStatements(frozenset(), None, None)
    return InboxStatements(frozenset(found), prepared(_lines(found.values())), prepared(_sums(found.values())))


def _lines(found: Collection[Rows]) -> Select[Any]:
    newest = []
    for statement in found:
        line = statement.subquery("line")
        number, things = func.count().over(), func.sum(line.c["count"]).over()
        most = bindparam(LIMIT, MOST, type_=Integer())
        rows = select(line, number.label("lines"), things.label("things")).order_by(line.c["at"].desc()).limit(most)
        newest.append(select(rows.subquery("newest")))
    lines = union_all(*newest).subquery("lines")
    return select(lines).order_by(lines.c["at"].desc(), lines.c["kind"], lines.c["id"])


def _sums(found: Collection[Rows]) -> Any:
    parts = []
    for statement in found:
        line = statement.subquery("line")
        mixed = func.bit_xor(func.hashtext(func.concat(cast(line.c["id"], Text), line.c["at"], line.c["count"])))
        parts.append(
            select(line.c.kind, func.count(), func.sum(line.c["count"]), func.max(line.c["at"]), mixed).group_by(
                line.c.kind
            )
        )
    return union_all(*parts)
