"""Commands on form records: drafts, saving, moves between states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from steward_core.custom_fields.service import check_custom
from steward_core.forms.documents import (
    Filled,
    draft_of,
    fill,
    keeping_masked,
    personal_fields,
    title_of,
    upgraded,
)
from steward_core.forms.errors import (
    DecidedByAnother,
    NotADraft,
    NotForPeople,
    RecordChanged,
    RecordNotEditable,
    RecordNotFound,
    SlotTaken,
)
from steward_core.forms.form import Form, Several, State, SubjectKind
from steward_core.forms.indexing import custom_target, index_record
from steward_core.forms.listeners import tell_of_record
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.forms.row_kind import records_in_reach
from steward_core.forms.states import is_draft, move_of, state_after_save, state_of
from steward_core.forms.subjects import LONGEST_SLOT, RecordPlace, checked_period, held_client, place_for, slot_of
from steward_core.industry.dispatcher import check_record, enabled_form
from steward_core.permissions import FORMS_EDIT
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import InvalidInput, invalid
from steward_tenants.texts import Bilingual

Values = Mapping[str, Any]
SUBJECT = "form_record"
SAVE = "save"
"""The cause of a revision that somebody's new content replaced."""
LONGEST_REASON = 500
_SLOT_CONSTRAINT = "uq_form_record_tenant_id_form_subject_id_slot"


@dataclass(frozen=True)
class _Content:
    """What a save puts into a record. `filled` None: a draft."""

    document: dict[str, Any]
    computed: dict[str, Any]
    custom: dict[str, Any]
    period: str | None
    slot: str | None
    state: State
    filled: Filled | None


@command("forms.record.save", "保存业务表单", "Save a form record", permission=FORMS_EDIT)
async def save_record(
    session: WriteSession,
    full_key: str,
    subject_id: UUID,
    values: Values,
    *,
    today: date,
    state: str | None = None,
    period: str | None = None,
    record_id: UUID | None = None,
    expected_version: int | None = None,
    custom: Values | None = None,
) -> FormRecord:
    """Create a record, or change the one that `record_id` names, with a whole document; `values` replace all of it.

    Without `state` a new record or draft goes over into the state that counts where its writer alone decides that,
    and any other keeps its state; `state` may name one that a plain move leads to (`submitted`). A mask of a masked
    field that comes back as it was shown keeps the stored value. `custom` lays values over the tenant's own fields.

    Raises FormNotFound, NotForPeople, SubjectNotFound, SubjectMerged, RecordNotFound, RecordChanged,
    RecordNotEditable, MoveRefused, SlotTaken, and InvalidInput naming every bad field.
    """
    form = await _form_for_people(session, full_key)
    known = await _known(
        session,
        record_id=record_id,
        full_key=full_key,
        subject_id=subject_id,
        today=today,
        expected_version=expected_version,
    )
    place = await _place(session, form, known, subject_id, today)
    before = form.about.flow.initial if known is None else state_of(form, known.state)
    _require_editable(before)
    after = state_after_save(form, before, state)
    given = values if known is None else keeping_masked(form, values, known.document)
    filled = fill(form, given)
    period = checked_period(form, period or (known.period if known else None))
    await _ask_plugin(session, full_key, filled, place)
    content = _Content(
        filled.document,
        filled.computed,
        await _custom(session, full_key, custom, known, required=True),
        period,
        slot_of(form, filled.document, filled.computed, period),
        after,
        filled,
    )
    return await _write(
        session, "forms.record.save", form, full_key=full_key, known=known, place=place, content=content
    )


@command("forms.draft.save", "保存表单草稿", "Save a draft of a form", permission=FORMS_EDIT)
async def save_draft(
    session: WriteSession,
    full_key: str,
    subject_id: UUID,
    values: Values,
    *,
    today: date,
    period: str | None = None,
    record_id: UUID | None = None,
    expected_version: int | None = None,
    custom: Values | None = None,
) -> FormRecord:
    """Keep what somebody has of a form so far, complete or not: JSON values of the form's fields, at most 64 kB.

    Also for a record that came back (rejected). Custom values must be right where they are given. Nothing else reads
    a draft until it is saved or moved on, which validates it whole. Raises like `save_record`, and NotADraft.
    """
    form = await _form_for_people(session, full_key)
    known = await _known(
        session,
        record_id=record_id,
        full_key=full_key,
        subject_id=subject_id,
        today=today,
        expected_version=expected_version,
    )
    place = await _place(session, form, known, subject_id, today)
    state = form.about.flow.initial if known is None else state_of(form, known.state)
    if not is_draft(state):
        raise NotADraft(state=state.title)
    document = draft_of(form, values if known is None else keeping_masked(form, values, known.document))
    period = checked_period(form, period or (known.period if known else None))
    content = _Content(
        document,
        {},
        await _custom(session, full_key, custom, known, required=False),
        period,
        _slot_of_draft(form, document, period),
        state,
        None,
    )
    return await _write(session, "forms.draft.save", form, full_key=full_key, known=known, place=place, content=content)


@command("forms.record.move", "流转业务表单", "Move a form record on", permission=FORMS_EDIT)
async def move_record(
    session: WriteSession,
    record_id: UUID,
    move: str,
    *,
    today: date,
    reason: str | None = None,
    expected_version: int | None = None,
) -> FormRecord:
    """Take a record from its state to another by a move of its form's flow (`submit`, `approve`, `withdraw`).

    What was a draft is validated whole first. A move that decides is made by somebody else than who filled it in.
    Raises RecordNotFound, RecordChanged, FormNotFound, NotForPeople, MoveRefused, DecidedByAnother, InvalidInput.
    """
    known = await _found(session, record_id, today, expected_version)
    form = await _form_for_people(session, known.form)
    current = state_of(form, known.state)
    way = move_of(form, current, move)
    reason = _reason(reason, way.reason)
    if way.approval and not session.actor.unrestricted and await _filled_in(session, known):
        raise DecidedByAnother
    before = _snapshot(known)
    changes = {"state": form.about.flow.state(way.after).key, "updated_at": datetime.now(UTC)}
    past = [] if current == form.about.flow.initial else [_revision(known, f"move:{move}", session.actor.id)]
    if is_draft(current):
        changes |= await _completed(session, form, known)
    await _store(session, form, known, changes, past)
    if is_draft(current):
        await index_record(session, form, known, valid=True)
    await _record(session, "forms.record.move", form, known, before=before, reason=reason)
    await tell_of_record(session, form, known)
    return known


@command("forms.draft.discard", "删除表单草稿", "Discard a draft of a form", permission=FORMS_EDIT)
async def discard_draft(
    session: WriteSession, record_id: UUID, *, today: date, expected_version: int | None = None
) -> None:
    """Throw a draft away that has never been anything else; its row goes. Raises RecordNotFound, RecordChanged,
    FormNotFound, NotADraft."""
    known = await _found(session, record_id, today, expected_version)
    form = await _form_for_people(session, known.form)
    state = state_of(form, known.state)
    if state != form.about.flow.initial or not is_draft(state) or await _has_past(session, known.id):
        raise NotADraft(state=state.title)
    before = _snapshot(known)
    known.custom = {}
    await index_record(session, form, known, valid=False)
    await session.delete(known)
    await session.flush()
    await record(
        session,
        "forms.draft.discard",
        Subject(SUBJECT, record_id),
        before=before,
        personal=_personal(form, before),
    )


async def _form_for_people(session: WriteSession, full_key: str) -> type[Form]:
    _, form = await enabled_form(session, full_key)
    if not form.about.by_people and not session.actor.unrestricted:
        raise NotForPeople(title=form.about.title)
    return form


async def _known(
    session: WriteSession,
    *,
    record_id: UUID | None,
    full_key: str,
    subject_id: UUID,
    today: date,
    expected_version: int | None,
) -> FormRecord | None:
    if record_id is None:
        return None
    known = await _found(session, record_id, today, expected_version)
    if (known.form, known.subject_id) != (full_key, subject_id):
        raise RecordNotFound
    return known


async def _found(session: WriteSession, record_id: UUID, today: date, expected_version: int | None) -> FormRecord:
    """The record, held after its client, as whoever merges clients holds them."""
    reach = records_in_reach(session, FORMS_EDIT, today)
    known = await session.find(FormRecord, FormRecord.id == record_id, reach)
    if known is None:
        raise RecordNotFound
    client_id = known.client_id
    if client_id is not None:
        await held_client(session, client_id)
    known = await session.find(FormRecord, FormRecord.id == record_id, reach, lock=True)
    if known is None:
        raise RecordNotFound
    if known.client_id != client_id:
        raise RecordChanged(version=known.version)
    if expected_version is not None and known.version != expected_version:
        raise RecordChanged(version=known.version)
    return known


async def _place(
    session: WriteSession, form: type[Form], known: FormRecord | None, subject_id: UUID, today: date
) -> RecordPlace:
    if known is None:
        return await place_for(session, form.about.subject, subject_id, today)
    return await _place_of(session, known)


async def _place_of(session: WriteSession, known: FormRecord) -> RecordPlace:
    client = None if known.client_id is None else await held_client(session, known.client_id)
    return RecordPlace(
        SubjectKind(known.subject_kind),
        known.subject_id,
        known.client_id,
        known.owner_id,
        known.unit_id,
        client,
    )


def _require_editable(state: State) -> None:
    if not state.editable:
        raise RecordNotEditable(state=state.title)


async def _custom(
    session: WriteSession, full_key: str, custom: Values | None, known: FormRecord | None, *, required: bool
) -> dict[str, Any]:
    existing = None if known is None else known.custom
    return await check_custom(session, custom_target(full_key), custom or {}, existing=existing, required=required)


async def _ask_plugin(session: WriteSession, full_key: str, filled: Filled, place: RecordPlace) -> None:
    problems = await check_record(session, full_key, filled.values, place.client_values)
    if problems:
        raise InvalidInput(problems=problems)


def _slot_of_draft(form: type[Form], document: Values, period: str | None) -> str | None:
    """A draft whose field does not yet tell it apart takes no slot."""
    if form.about.several is Several.FIELD:
        value = document.get(form.about.slot_field or "")
        if value is None or value == "" or isinstance(value, dict | list) or len(str(value)) > LONGEST_SLOT:
            return None
        return str(value)
    return slot_of(form, document, {}, period)


async def _completed(session: WriteSession, form: type[Form], known: FormRecord) -> dict[str, Any]:
    """What makes a draft whole: the form's present version, valid, with its computed values and slot."""
    filled = fill(form, upgraded(form, known.document, known.form_version))
    await _ask_plugin(session, known.form, filled, await _place_of(session, known))
    custom = await check_custom(session, custom_target(known.form), {}, existing=known.custom)
    return {
        "document": filled.document,
        "computed": filled.computed,
        "custom": custom,
        "form_version": form.about.version,
        "title": title_of(form, filled.document, filled.computed, known.period),
        "slot": slot_of(form, filled.document, filled.computed, known.period),
    }


async def _write(
    session: WriteSession,
    action: str,
    form: type[Form],
    *,
    full_key: str,
    known: FormRecord | None,
    place: RecordPlace,
    content: _Content,
) -> FormRecord:
    before = None if known is None else _snapshot(known)
    row = known or _new(session, full_key, place)
    past = []
    if known is not None and state_of(form, known.state) != form.about.flow.initial:
        past = [_revision(known, SAVE, session.actor.id)]
    changes = {
        "document": content.document,
        "computed": content.computed,
        "custom": content.custom,
        "period": content.period,
        "slot": content.slot,
        "state": content.state.key,
        "form_version": form.about.version,
        "title": title_of(form, content.document, content.computed, content.period),
        "updated_by": session.actor.id,
        "updated_at": datetime.now(UTC),
    }
    await _store(session, form, row, changes, past)
    await index_record(session, form, row, valid=content.filled is not None)
    await _record(session, action, form, row, before=before)
    await tell_of_record(session, form, row)
    return row


def _new(session: WriteSession, full_key: str, place: RecordPlace) -> FormRecord:
    return FormRecord(
        id=new_id(),
        plugin=full_key.partition(".")[0],
        form=full_key,
        subject_kind=place.subject_kind.value,
        subject_id=place.subject_id,
        client_id=place.client_id,
        owner_id=place.owner_id,
        unit_id=place.unit_id,
        created_by=session.actor.id,
    )


async def _store(
    session: WriteSession, form: type[Form], row: FormRecord, changes: dict[str, Any], past: list[FormRevision]
) -> None:
    """Send a row's changes and what it was before. Raises SlotTaken."""
    slot = changes.get("slot", row.slot)
    others = _others(session, row, slot)
    await _refuse_taken(session, form, slot, others)
    try:
        async with session.savepoint():
            for name, value in changes.items():
                setattr(row, name, value)
            session.add(row, *past)
            await session.flush()
    except IntegrityError as error:
        if getattr(getattr(error.orig, "diag", None), "constraint_name", None) == _SLOT_CONSTRAINT:
            await _refuse_taken(session, form, slot, others)
        raise


def _others(session: WriteSession, row: FormRecord, slot: str | None) -> Select[Any]:
    return select(FormRecord.id).where(
        session.within(FormRecord),
        FormRecord.form == row.form,
        FormRecord.subject_id == row.subject_id,
        FormRecord.slot == slot,
        FormRecord.id != row.id,
    )


async def _refuse_taken(session: WriteSession, form: type[Form], slot: str | None, others: Select[Any]) -> None:
    other = None if slot is None else await session.scalar(others)
    if other is not None:
        named = Bilingual(f"“{slot}”", f"“{slot}”") if slot else Bilingual("仅限一条", "only one")
        raise SlotTaken(title=form.about.title, id=other, slot=named)


async def _filled_in(session: WriteSession, row: FormRecord) -> bool:
    """Whether the actor wrote any of what the record holds or held since it was first more than a draft."""
    actor_id = session.actor.id
    if actor_id in (row.created_by, row.updated_by):
        return True
    wrote = select(FormRevision.revision).where(
        session.within(FormRevision),
        FormRevision.record_id == row.id,
        FormRevision.cause == SAVE,
        FormRevision.replaced_by == actor_id,
    )
    return await session.scalar(wrote.limit(1)) is not None


async def _has_past(session: WriteSession, record_id: UUID) -> bool:
    found = await session.scalar(
        select(FormRevision.revision).where(session.within(FormRevision), FormRevision.record_id == record_id).limit(1)
    )
    return found is not None


def _revision(row: FormRecord, cause: str, replaced_by: UUID) -> FormRevision:
    """What a record is now, before it is changed."""
    return FormRevision(
        record_id=row.id,
        revision=row.version,
        form_version=row.form_version,
        state=row.state,
        document=row.document,
        computed=row.computed,
        custom=row.custom,
        cause=cause,
        replaced_by=replaced_by,
    )


def _snapshot(row: FormRecord) -> dict[str, Any]:
    """A record for the audit log: fields and computed values by name, the rest under names no field can have."""
    return {
        **row.document,
        **row.computed,
        **{f"custom.{key}": value for key, value in row.custom.items()},
        "record.state": row.state,
        "record.period": row.period,
        "record.form": row.form,
        "record.form_version": row.form_version,
        "record.subject_id": row.subject_id,
    }


async def _record(
    session: WriteSession,
    action: str,
    form: type[Form],
    row: FormRecord,
    *,
    before: dict[str, Any] | None,
    reason: str | None = None,
) -> None:
    after = _snapshot(row)
    personal = _personal(form, before or {}, after)
    await record(
        session, action, Subject(SUBJECT, row.id), before=before, after=after, personal=personal, reason=reason
    )


def _personal(form: type[Form], *snapshots: Values) -> frozenset[str]:
    """What the audit log keeps as digests; about a contact the tenant's own fields too."""
    if form.about.subject is not SubjectKind.CONTACT:
        return personal_fields(form)
    own = (name for values in snapshots for name in values if name.startswith("custom."))
    return personal_fields(form).union(own)


def _reason(reason: str | None, required: bool) -> str | None:
    text = (reason or "").strip()
    if required and not text:
        raise invalid("reason", "required", "请说明原因。", "Give a reason.")
    if len(text) > LONGEST_REASON:
        most = LONGEST_REASON
        raise invalid("reason", "length", f"原因最多 {most} 个字符。", f"A reason has at most {most} characters.")
    return text or None
