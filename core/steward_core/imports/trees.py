"""Parents that a file names by their codes: whether they are there, and whether the tree stays a tree."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import and_, literal, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client, ClientStatus
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import MAX_LEVELS
from steward_core.database.bulk import update_many
from steward_core.imports.fields import problem
from steward_core.imports.references import among, unknown
from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem

Parents = Mapping[int, tuple[str | None, str, str]]
"""{row number: (own code, parent's code, outcome)}"""
_RUNAWAY = 2 * MAX_LEVELS


async def tree_problems(
    session: TenantSession, parents: Parents, codes: Collection[str], refused: Collection[str], today: date
) -> dict[int, FieldProblem]:
    """What is wrong with the parents that rows name, by row number.

    `codes` are those that the file brings, `refused` those of them whose rows are refused.
    """
    above = await _known_edges(session, sorted({parent for _, parent, _ in parents.values()}), today)
    wrong = {
        number: unknown("parent", parent, "上级客户", "parent client")
        for number, (_, parent, _) in parents.items()
        if (parent not in codes or parent in refused) and not above.reached(parent)
    }
    edges = dict(above.edges)
    rows_of: dict[str, int] = {}
    for number, (own, parent, _) in parents.items():
        if own is not None and number not in wrong:
            edges[own] = parent
            rows_of[own] = number
    for own, number in rows_of.items():
        found = _walk(own, edges)
        if found is not None:
            wrong[number] = found
    return wrong


class _Known:
    """The clients above, as they stand: who is under whom by code, and which are within reach."""

    def __init__(self, edges: dict[str, str | None], visible: set[str]) -> None:
        self.edges = edges
        self._visible = visible

    def reached(self, code: str) -> bool:
        """Whether a client of this code is there to be named."""
        return code in self._visible


async def _known_edges(session: TenantSession, codes: Sequence[str], today: date) -> _Known:
    if not codes:
        return _Known({}, set())
    above = (
        select(Client.id, Client.parent_id, literal(0).label("depth"))
        .where(session.within(Client), among(Client.code, codes))
        .cte("above", recursive=True)
    )
    higher = aliased(Client)
    above = above.union(
        select(higher.id, higher.parent_id, above.c.depth + 1)
        .join(above, higher.id == above.c.parent_id)
        .where(session.within(higher), above.c.depth < _RUNAWAY)
    )
    parent = aliased(Client)
    visible = CLIENT.within_reach(session, CLIENTS_VIEW, today).label("visible")
    rows = await session.rows(
        select(Client.code, Client.id, parent.code, parent.id, Client.status, visible)
        .join(above, above.c.id == Client.id)
        .outerjoin(parent, and_(session.within(parent), parent.id == Client.parent_id))
        .where(session.within(Client))
    )
    edges: dict[str, str | None] = {}
    reached = set()
    for code, row_id, parent_code, parent_id, status, seen in (tuple(row) for row in rows):
        own = code if code is not None else str(row_id)
        edges[own] = parent_code if parent_code is not None else None if parent_id is None else str(parent_id)
        if seen and status != ClientStatus.MERGED:
            reached.add(own)
    return _Known(edges, reached)


def _walk(own: str, edges: Mapping[str, str | None]) -> FieldProblem | None:
    """Go up from a client; a loop or too many levels is a problem."""
    here: str | None = own
    seen = set()
    while here is not None:
        if here in seen:
            return problem("parent", "cycle", "上级客户之间形成循环。", "The clients would stand below themselves.")
        seen.add(here)
        here = edges.get(here)
    if len(seen) > MAX_LEVELS:
        zh, en = f"客户层级超过 {MAX_LEVELS} 级。", f"The tree would have more than {MAX_LEVELS} levels."
        return problem("parent", "too_deep", zh, en)
    return None


async def tie_parents(session: WriteSession, children: Mapping[UUID, str]) -> int:
    """Put clients under the parents that they name by code; answers how many."""
    if not children:
        return 0
    codes = sorted(set(children.values()))
    rows = await session.rows(
        select(Client.code, Client.id).where(
            session.within(Client), among(Client.code, codes), Client.status != ClientStatus.MERGED
        )
    )
    ids = {row[0]: row[1] for row in rows}
    pairs = [(child, ids[code]) for child, code in children.items() if code in ids and ids[code] != child]
    if not pairs:
        return 0
    return await update_many(
        session,
        Client,
        {"id": [child for child, _ in pairs]},
        {"parent_id": [parent for _, parent in pairs]},
    )
