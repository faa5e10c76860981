"""Erasing what imports keep of persons: former values and quoted cells of the rows that wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import String, Text, Uuid, case, literal, update
from sqlalchemy.dialects.postgresql import JSONB

from steward_core.clients.contact_erasure import erase_elsewhere
from steward_core.imports.models import ImportEffect
from steward_core.imports.references import among
from steward_tenants.database.session import WriteSession


async def forget_rows(session: WriteSession, ids: Sequence[UUID]) -> None:
    """Empty former values and problems of contacts and records that are erased, whatever import wrote them. An undo
    then leaves them alone: their version is another one."""
    if not ids:
        return
    effect = ImportEffect
    await session.execute(
        update(effect)
        .where(session.within(effect), among(effect.row_id, list(ids), Uuid()))
        .values(before=case((effect.before.is_not(None), literal({}, JSONB()))), problems=None)
        .execution_options(synchronize_session=False)
    )
    contact = effect.values["contact"]
    await session.execute(
        update(effect)
        .where(
            session.within(effect),
            effect.values.is_not(None),
            among(contact[0].astext, [str(one) for one in ids], String()),
        )
        .values(values=effect.values.op("-", return_type=JSONB())(literal("contact", Text())), problems=None)
        .execution_options(synchronize_session=False)
    )


erase_elsewhere("imports", forget_rows)
