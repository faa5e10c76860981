"""Records that follow a decision made elsewhere: an approval decides, and the form that was its paper goes along."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from steward_core.forms.models import FormRecord, FormRevision
from steward_core.forms.states import moves_from
from steward_core.industry.enabled import enabled_form
from steward_core.industry.errors import FormNotFound
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.session import WriteSession


async def settle_record(session: WriteSession, record_id: UUID, move: str, *, reason: str = "") -> bool:
    """Take a record along by the move of this name. No rights are asked: those of the decision were.

    Answers whether it moved: a record whose form has no such move from where it stands, or whose plugin is off, stays.
    """
    known = await session.find(FormRecord, FormRecord.id == record_id, lock=True)
    if known is None:
        return False
    try:
        _, form = await enabled_form(session, known.form)
    except FormNotFound:
        return False
    way = next((one for one in moves_from(form, known.state) if one.key == move), None)
    if way is None:
        return False
    before = known.state
    session.add(
        FormRevision(
            record_id=known.id,
            revision=known.version,
            form_version=known.form_version,
            state=before,
            document=known.document,
            computed=known.computed,
            custom=known.custom,
            cause=f"move:{move}",
            replaced_by=session.actor.id,
        )
    )
    known.state, known.updated_at = form.about.flow.state(way.after).key, datetime.now(UTC)
    await session.flush()
    await record(
        session,
        "forms.record.move",
        Subject("form_record", known.id),
        before={"record.state": before},
        after={"record.state": known.state},
        reason=reason or None,
    )
    return True
