"""The tree of clients while an import is taken back: what hangs on rows that would go, and whether a former parent
still fits above a client."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, and_, literal, select, update
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client, ClientStatus, Contact
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import MAX_LEVELS
from steward_core.imports.batches import Step
from steward_core.imports.models import ImportEffect
from steward_core.imports.references import among
from steward_core.imports.work import CREATED
from steward_core.permissions import CLIENTS_EDIT
from steward_tenants.database.session import WriteSession

_RUNAWAY = 2 * MAX_LEVELS


@dataclass
class Below:
    """What stands below clients that would go. `made`: clients that this import made and nobody changed, each with
    its parent; `held`: parents that something else stands under; `contacts`: those that the import made."""

    made: dict[UUID, UUID] = field(default_factory=dict)
    held: set[UUID] = field(default_factory=set)
    contacts: dict[UUID, int] = field(default_factory=dict)

    def with_parents(self, staying: Collection[UUID]) -> set[UUID]:
        """These and all above them: who stays keeps its parents."""
        found: set[UUID] = set()
        for one in staying:
            here: UUID | None = one
            while here is not None and here not in found:
                found.add(here)
                here = self.made.get(here)
        return found


async def below(step: Step, ids: Sequence[UUID]) -> Below:
    """All below these clients, level by level."""
    found = Below()
    level: Sequence[UUID] = ids
    known = set(ids)
    for _ in range(_RUNAWAY):
        following = []
        for row in await _children(step, level):
            if not row.ours:
                found.held.add(row.parent_id)
                continue
            found.made[row.id] = row.parent_id
            contact = (row.brought or {}).get("contact")
            if contact and contact[1] == CREATED:
                found.contacts[UUID(contact[0])] = contact[2]
            if row.id not in known:
                known.add(row.id)
                following.append(row.id)
        level = following
        if not level:
            break
    return found


async def _children(step: Step, parents: Sequence[UUID]) -> Sequence[Any]:
    session, effect = step.session, ImportEffect
    ours = and_(
        session.within(effect),
        effect.row_id == Client.id,
        effect.batch_id == step.batch.id,
        effect.outcome == CREATED,
        effect.after_version == Client.version,
        CLIENT.within_reach(session, CLIENTS_EDIT, step.today),
    )
    return await session.rows(
        select(Client.id, Client.parent_id, effect.row_id.is_not(None).label("ours"), effect.values.label("brought"))
        .outerjoin(effect, ours)
        .where(session.within(Client), among(Client.parent_id, list(parents), Uuid()))
    )


async def with_other_contacts(session: WriteSession, ids: Sequence[UUID], made: Mapping[UUID, int]) -> set[UUID]:
    """Which of the clients have contacts beside those that the import made and nobody changed."""
    rows = await session.rows(
        select(Contact.client_id, Contact.id, Contact.version).where(
            session.within(Contact), among(Contact.client_id, list(ids), Uuid())
        )
    )
    return {row[0] for row in rows if made.get(row[1]) != row[2]}


async def untie_children(session: WriteSession, parents: Sequence[UUID]) -> None:
    """Take clients from under parents that go; only those that go with them are left there."""
    await session.execute(
        update(Client)
        .where(session.within(Client), among(Client.parent_id, list(parents), Uuid()))
        .values(parent_id=None)
        .execution_options(synchronize_session=False)
    )


async def misfits(session: WriteSession, parents: Mapping[UUID, UUID]) -> set[UUID]:
    """Which of the clients cannot stand under these parents (again): they are gone, or below the client by now.

    The caller has the tree's turn.
    """
    if not parents:
        return set()
    above = (
        select(Client.id, Client.parent_id, Client.status, literal(0).label("depth"))
        .where(session.within(Client), among(Client.id, sorted(set(parents.values())), Uuid()))
        .cte("above", recursive=True)
    )
    higher = aliased(Client)
    above = above.union(
        select(higher.id, higher.parent_id, higher.status, above.c.depth + 1)
        .join(above, higher.id == above.c.parent_id)
        .where(session.within(higher), above.c.depth < _RUNAWAY)
    )
    rows = await session.rows(select(above.c.id, above.c.parent_id, above.c.status))
    merged = ClientStatus.MERGED.value
    edges: dict[UUID, UUID | None] = {row[0]: row[1] for row in rows}
    standing = {row[0] for row in rows if row[2] != merged}
    edges |= parents
    return {child for child, parent in parents.items() if parent not in standing or not _fits(child, edges.get)}


def _fits(child: UUID, parent_of: Callable[[UUID], UUID | None]) -> bool:
    seen: set[UUID] = set()
    here: UUID | None = child
    while here is not None:
        if here in seen:
            return False
        seen.add(here)
        here = parent_of(here)
    return len(seen) <= MAX_LEVELS
