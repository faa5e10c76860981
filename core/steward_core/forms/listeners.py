"""Who is told when a record of a form counts: one that somebody saved or moved on. Imports and gradings tell nobody:
what they bring happened elsewhere, or long ago."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from steward_core.forms.form import Form
from steward_core.forms.models import FormRecord
from steward_core.forms.states import state_of
from steward_tenants.database.session import WriteSession

Listen = Callable[[WriteSession, type[Form], FormRecord], Awaitable[None]]
_LISTENERS: dict[str, Listen] = {}


def listen_to_records(key: str, listen: Listen) -> None:
    """Declare who is told, in the same transaction; a key stands once."""
    if key in _LISTENERS:
        raise ValueError(f"{key} listens already")
    _LISTENERS[key] = listen


async def tell_of_record(session: WriteSession, form: type[Form], row: FormRecord) -> None:
    """Tell everybody of a record as it now is; of one that does not count nobody hears."""
    if not state_of(form, row.state).counts:
        return
    for listen in _LISTENERS.values():
        await listen(session, form, row)
