"""What a record is about: found within the actor's reach, and where the record then stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import inspect, select

from steward_core.clients.models import Client, ClientStatus
from steward_core.clients.row_kinds import CLIENT, CONTACT
from steward_core.forms.declared import FormField, field_by_name
from steward_core.forms.errors import SubjectMerged, SubjectNotFound
from steward_core.forms.form import Form, Several, SubjectKind
from steward_core.permissions import FORMS_EDIT
from steward_core.visits.row_kinds import VISIT
from steward_tenants.access.row_kinds import PERSON, UNIT, RowKind
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput, invalid
from steward_tenants.texts import Bilingual

PERIOD = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])|Q[1-4]|H[12])?", re.ASCII)
LONGEST_SLOT = 200


@dataclass(frozen=True)
class RecordPlace:
    """The columns of a record that say what it is about and who reaches it; `client` is the client's row."""

    subject_kind: SubjectKind
    subject_id: UUID
    client_id: UUID | None = None
    owner_id: UUID | None = None
    unit_id: UUID | None = None
    client: Client | None = field(default=None, repr=False)

    @property
    def client_values(self) -> Mapping[str, Any] | None:
        """The client's columns by name, as plugins' checks see them."""
        if self.client is None:
            return None
        return {column.key: getattr(self.client, column.key) for column in inspect(Client).column_attrs}


_KINDS: dict[SubjectKind, RowKind] = {
    SubjectKind.CLIENT: CLIENT,
    SubjectKind.CONTACT: CONTACT,
    SubjectKind.USER: PERSON,
    SubjectKind.UNIT: UNIT,
    SubjectKind.VISIT: VISIT,
}


async def place_for(session: WriteSession, kind: SubjectKind, subject_id: UUID, today: date) -> RecordPlace:
    """Where a record about this subject stands. The subject's client is held, so that it cannot be merged meanwhile.

    Raises SubjectNotFound, SubjectMerged.
    """
    row_kind = _KINDS[kind]
    table: Any = row_kind.table
    reach = row_kind.within_reach(session, FORMS_EDIT, today)
    subject: Any = await session.find(table, table.id == subject_id, reach)
    if subject is None:
        raise SubjectNotFound(kind=row_kind.title)
    if kind is SubjectKind.USER:
        return RecordPlace(kind, subject_id, owner_id=subject.id, unit_id=subject.unit_id)
    if kind is SubjectKind.UNIT:
        return RecordPlace(kind, subject_id, unit_id=subject.id)
    client_id = subject.id if isinstance(subject, Client) else subject.client_id
    client = await held_client(session, client_id)
    return RecordPlace(kind, subject_id, client_id=client_id, client=client)


async def held_client(session: WriteSession, client_id: UUID) -> Client:
    """A client that cannot be merged until this transaction ends. Raises SubjectMerged."""
    statement = (
        select(Client)
        .where(session.within(Client), Client.id == client_id)
        .with_for_update(read=True, key_share=True)
        .execution_options(populate_existing=True)
    )
    client: Client = (await session.scalars(statement))[0]
    if client.status == ClientStatus.MERGED:
        raise SubjectMerged(name=client.name)
    return client


def checked_period(form: type[Form], period: str | None) -> str | None:
    """A record's period: `2026-11`, `2026Q4`, `2026H2` or `2026`. Raises InvalidInput."""
    if period is None:
        if form.about.several is Several.PERIOD:
            raise invalid(
                "period", "required", "请填写期间，如 2026-11 或 2026Q4。", "Give the period, such as 2026-11."
            )
        return None
    if not PERIOD.fullmatch(period):
        raise invalid(
            "period",
            "period",
            "期间应为 2026-11、2026Q4、2026H2 或 2026 的形式。",
            "A period is written 2026-11, 2026Q4, 2026H2 or 2026.",
        )
    return period


def slot_of(
    form: type[Form], document: Mapping[str, Any], computed: Mapping[str, Any], period: str | None
) -> str | None:
    """What keeps this record apart from others of its subject; None: there may be many. Raises InvalidInput."""
    about = form.about
    if about.several is Several.ONE:
        return ""
    if about.several is Several.PERIOD:
        return period
    if about.several is Several.MANY or about.slot_field is None:
        return None
    return _slot_value(field_by_name(form)[about.slot_field], document, computed)


def _slot_value(one: FormField, document: Mapping[str, Any], computed: Mapping[str, Any]) -> str:
    value = (computed if one.computed else document).get(one.name)
    if value is None or value == "":
        text = Bilingual(
            f"请填写“{one.title.zh}”，它用来区分记录。", f"Fill in {one.title.en}: it keeps records apart."
        )
        raise InvalidInput(problems=[FieldProblem((one.name,), "required", text)])
    text_value = str(value)
    if len(text_value) > LONGEST_SLOT:
        text = Bilingual(f"“{one.title.zh}”过长。", f"{one.title.en} is too long.")
        raise InvalidInput(problems=[FieldProblem((one.name,), "length", text)])
    return text_value
