"""Many records at once, for gradings and imports: one statement for the rows, one for their index entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from steward_core.custom_fields.index import IndexEntry, entries_of_custom
from steward_core.database.bulk import insert_many
from steward_core.forms.documents import title_of
from steward_core.forms.form import Form
from steward_core.forms.indexing import entries, fields_here, replace_entries
from steward_core.forms.models import FormRecord
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession


@dataclass(frozen=True)
class NewRecords:
    """Records as columns of equal length; an empty column stands for None in all rows (`{}` for `custom`).

    `documents` and `computed` are validated (`prepare_documents`), `custom` checked. `state` and `batch_id` hold for
    all. Records of clients name `client_ids`; others `owner_ids` or `unit_ids`.
    """

    subject_ids: Sequence[UUID]
    documents: Sequence[dict[str, Any]]
    computed: Sequence[dict[str, Any]]
    state: str
    client_ids: Sequence[UUID | None] = ()
    owner_ids: Sequence[UUID | None] = ()
    unit_ids: Sequence[UUID | None] = ()
    slots: Sequence[str | None] = ()
    periods: Sequence[str | None] = ()
    custom: Sequence[dict[str, Any]] = ()
    batch_id: UUID | None = None
    ids: Sequence[UUID] = field(default=(), repr=False)


async def insert_records(
    session: WriteSession, form: type[Form], full_key: str, records: NewRecords, *, indexed: bool = True
) -> list[UUID]:
    """Insert many validated records and their index entries; answers their ids in order. Whoever calls it has checked
    reach and slots, and records the whole in the audit log. `indexed` False: drafts."""
    count = len(records.subject_ids)
    ids = list(records.ids) or [new_id() for _ in range(count)]
    periods = _column(records.periods, count)
    custom = list(records.custom) or [{}] * count
    await session.flush()
    await insert_many(
        session,
        FormRecord,
        {
            "id": ids,
            "plugin": [full_key.partition(".")[0]] * count,
            "form": [full_key] * count,
            "form_version": [form.about.version] * count,
            "subject_kind": [form.about.subject.value] * count,
            "subject_id": list(records.subject_ids),
            "client_id": _column(records.client_ids, count),
            "owner_id": _column(records.owner_ids, count),
            "unit_id": _column(records.unit_ids, count),
            "slot": _column(records.slots, count),
            "period": periods,
            "state": [records.state] * count,
            "title": [
                title_of(form, document, computed, period)
                for document, computed, period in zip(records.documents, records.computed, periods, strict=True)
            ],
            "document": list(records.documents),
            "computed": list(records.computed),
            "custom": custom,
            "batch_id": [records.batch_id] * count,
            "created_by": [session.actor.id] * count,
            "updated_by": [session.actor.id] * count,
        },
    )
    own = await fields_here(session, full_key)
    found: list[IndexEntry] = []
    for record_id, document, computed, kept in zip(ids, records.documents, records.computed, custom, strict=True):
        if indexed:
            found += entries(form, full_key, record_id, document, computed)
        if kept:
            found += entries_of_custom(own, full_key, record_id, kept)
    await replace_entries(session, found, ())
    return ids


def _column(values: Sequence[Any], count: int) -> list[Any]:
    return list(values) or [None] * count
