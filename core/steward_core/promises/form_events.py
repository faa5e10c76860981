"""What records of forms tell promises: `form:<key>`, with what the record says as facts.

A truth value that holds is a fact of its field's name, a choice one of its key, and a day or moment one of the field's
name without `_on` or `_at`, at that moment: `done_on` filled in is the fact `done`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from steward_core.calendars.offices import Offices, offices
from steward_core.clients.models import Client
from steward_core.forms.declared import FormField, ValueType, fields_of
from steward_core.forms.form import Form
from steward_core.forms.listeners import listen_to_records
from steward_core.forms.models import FormRecord
from steward_core.promises.definitions import definitions_here
from steward_core.promises.service import OF_CLIENT, Happening, happened_many
from steward_core.promises.templates import FORM
from steward_tenants.clock import clock_now
from steward_tenants.database.session import WriteSession

SUBJECT = "form_record"
FAULT_FORM, FAULT_TRIGGER = "fault_report", "fault_reported"
"""A fault report is a fault that was reported, by whatever way."""
REPORTED = ("reported", "received")
"""The facts whose moment is when it was reported."""
_ENDINGS = ("_on", "_at")


async def tell_promises(session: WriteSession, form: type[Form], row: FormRecord) -> None:
    """Start and keep what is promised of such a record. Raises CalendarEnds."""
    triggers = [f"{FORM}:{form.about.key}", *([FAULT_TRIGGER] if form.about.key == FAULT_FORM else [])]
    if not await _matters(session, triggers):
        return
    owner_id, unit_id = await _responsible(session, row)
    facts: dict[str, datetime | None] = {row.state: None}
    for fact, moment in facts_of(form, row, await offices(session, [unit_id]), unit_id, clock_now()):
        # `answered_on` and a computed `answered` are one fact: the moment stays.
        facts[fact] = moment or facts.get(fact)
    await happened_many(
        session,
        [
            Happening(
                trigger,
                _moment(facts) if trigger == FAULT_TRIGGER else clock_now(),
                SUBJECT,
                row.id,
                row.client_id,
                owner_id,
                unit_id,
                facts,
            )
            for trigger in triggers
        ],
    )


def facts_of(
    form: type[Form], row: FormRecord, times: Offices, unit_id: UUID | None, now: datetime
) -> Iterator[tuple[str, datetime | None]]:
    """What a record says, each with its moment where it has one; never later than now."""
    values = {**row.document, **row.computed}
    for one in fields_of(form):
        value = values.get(one.name)
        if value is None:
            continue
        if value is True:
            yield one.name, None
        elif one.type is ValueType.CHOICE and isinstance(value, str):
            yield value, None
        elif (moment := _moment_of(one, value, times, unit_id, now)) is not None:
            yield _short(one.name), moment


def _moment_of(one: FormField, value: Any, times: Offices, unit_id: UUID | None, now: datetime) -> datetime | None:
    """The moment of a day or time; of a day other than today the end of its work."""
    if one.type is ValueType.DATE and isinstance(value, str):
        day, working_time = date.fromisoformat(value), times.of(unit_id)
        return now if day >= working_time.day_of(now) else min(now, working_time.end_of_work(day))
    if one.type is ValueType.DATETIME and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return min(now, moment if moment.tzinfo else moment.replace(tzinfo=times.own.zone))
    return None


def _short(name: str) -> str:
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name)


def _moment(facts: Mapping[str, datetime | None]) -> datetime:
    return next((at for name in REPORTED if (at := facts.get(name)) is not None), clock_now())


async def _matters(session: WriteSession, triggers: list[str]) -> bool:
    """Whether any promise or follow-up speaks of such a form."""
    for one in (await definitions_here(session)).all:
        named = [one.what.trigger, *(name.removeprefix(OF_CLIENT) for name in one.what.kept_by)]
        if any(name == trigger or name.startswith(f"{trigger}:") for name in named for trigger in triggers):
            return True
    return False


async def _responsible(session: WriteSession, row: FormRecord) -> tuple[UUID, UUID | None]:
    """Who answers for what a record promises: the client's owner, the record's, or who wrote it."""
    client = None if row.client_id is None else await session.get(Client, row.client_id)
    if client is not None and client.owner_id is not None:
        return client.owner_id, client.unit_id
    if row.owner_id is not None:
        return row.owner_id, row.unit_id
    return row.updated_by, row.unit_id if client is None else client.unit_id


listen_to_records("promises", tell_promises)
