"""What the field index keeps of records: their filterable fields, and the tenant's custom ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from steward_core.custom_fields.index import IndexEntry, entries_of_custom, write_index
from steward_core.custom_fields.models import CustomField
from steward_core.custom_fields.service import fields_of as custom_fields_of
from steward_core.forms.documents import indexed_values
from steward_core.forms.form import Form
from steward_core.forms.models import FormRecord
from steward_tenants.database.session import TenantSession, WriteSession


def index_path(full_key: str, field: str) -> str:
    """How the field index names a form's field."""
    return f"{full_key}.{field}"


def custom_target(full_key: str) -> str:
    """How custom fields name a form."""
    return f"form:{full_key}"


async def fields_here(session: TenantSession, full_key: str) -> tuple[CustomField, ...]:
    """The tenant's own fields of a form."""
    return await custom_fields_of(session, custom_target(full_key))


def entries(
    form: type[Form], full_key: str, record_id: UUID, document: Mapping[str, Any], computed: Mapping[str, Any]
) -> list[IndexEntry]:
    """The entries of a valid document."""
    return [
        IndexEntry(record_id, index_path(full_key, name), position, value)
        for name, position, value in indexed_values(form, document, computed)
    ]


async def index_record(session: WriteSession, form: type[Form], record: FormRecord, *, valid: bool) -> None:
    """Write a record's entries anew. Of a draft only the custom fields are indexed: its own may be anything."""
    found = entries_of_custom(await fields_here(session, record.form), record.form, record.id, record.custom)
    if valid:
        found += entries(form, record.form, record.id, record.document, record.computed)
    await session.flush()
    await write_index(session, found, [record.id])


async def replace_entries(session: WriteSession, found: Sequence[IndexEntry], clear: Collection[UUID]) -> None:
    """Write many rows' entries anew, in two statements."""
    await write_index(session, found, clear)
