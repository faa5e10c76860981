"""Form records as a kind of rows: reached through their client, or else by owner and unit."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement

from steward_core.clients.row_kinds import CLIENT
from steward_core.forms.models import FormRecord
from steward_core.permissions import FORMS_VIEW
from steward_tenants.access.permissions import Permission
from steward_tenants.access.row_kinds import RowKind, row_kinds
from steward_tenants.database.session import TenantSession
from steward_tenants.texts import Bilingual

_TITLE = Bilingual("表单记录", "form record")
FORM_RECORD = row_kinds.declare(
    RowKind(
        "form_record",
        _TITLE,
        FormRecord,
        FORMS_VIEW,
        parent=CLIENT,
        parent_id=FormRecord.client_id,
        without_parent=RowKind(
            "form_record", _TITLE, FormRecord, FORMS_VIEW, owner=FormRecord.owner_id, unit=FormRecord.unit_id
        ),
    )
)


def records_in_reach(session: TenantSession, permission: Permission, on: date) -> ColumnElement[bool]:
    """The condition that a record is in the actor's scope for `permission` on a day: through its client where there
    is one, else by its owner and unit."""
    return FORM_RECORD.within_reach(session, permission, on)
