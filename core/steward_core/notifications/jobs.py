"""The job that sends notices."""

from __future__ import annotations

import time
from smtplib import SMTPException
from uuid import UUID

from steward_core.notifications.senders import SenderFailed
from steward_core.notifications.sending import put_last, send_to, sort_due
from steward_core.notifications.service import SEND
from steward_tenants.outbox.jobs import JobPlace, Payload, Queue, declare_job

TURN_SECONDS = 10.0
"""How long one turn sends before others have theirs."""


async def send_due(place: JobPlace, _payload: Payload) -> bool:
    """Send what is due in a tenant; False when the turn is over and there is more.

    A person who could not be reached does not keep the others waiting, nor does a channel by which nobody can be
    reached the other channels; the job then fails and is tried again.
    """
    until = time.monotonic() + TURN_SECONDS
    failed: Exception | None = None
    tried: set[tuple[str, UUID]] = set()
    down: set[str] = set()
    while True:
        due = await sort_due(place, without=down)
        fresh = [(channel, to) for channel, to in due.now if (channel, to.user_id) not in tried]
        if not fresh and not (due.later or due.never):
            break
        for channel, recipient in fresh:
            if channel in down:
                continue
            tried.add((channel, recipient.user_id))
            try:
                await send_to(place, channel, recipient)
            except SenderFailed as error:
                failed = error
                await put_last(place, channel, recipient.user_id)
            except (OSError, SMTPException) as error:
                failed = error
                down.add(channel)
            if time.monotonic() > until:
                return _ended(failed, more=True)
    return _ended(failed, more=False)


def _ended(failed: Exception | None, *, more: bool) -> bool:
    if failed is not None:
        raise failed
    return not more


declare_job(SEND, "发送通知", "Send notices", Queue.NORMAL, beside=send_due)
