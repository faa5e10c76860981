"""Channels beside the inbox: each has a sender, and a registered sender is a channel that people can choose."""

from __future__ import annotations

import hashlib
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from steward_core.notifications.letters import notice_letter
from steward_core.notifications.rules import EMAIL
from steward_tenants.audit.service import Subject
from steward_tenants.outbox.jobs import JobPlace
from steward_tenants.texts import Bilingual

PERMANENT = 500
"""SMTP codes from here on say that trying again is of no use."""


@dataclass(frozen=True)
class Recipient:
    """A person to be reached. `locale` None: not known."""

    user_id: UUID
    name: str
    email: str | None
    locale: str | None
    zone: ZoneInfo


@dataclass(frozen=True)
class NoticeText:
    """What one notice says."""

    id: UUID
    kind: str
    title: Bilingual
    body: Bilingual | None
    at: datetime
    subject: Subject | None = None


@dataclass(frozen=True)
class Parcel:
    """What goes to one person at once: at least one notice, the oldest first. `tenant` is its name."""

    recipient: Recipient
    tenant: str
    notices: Sequence[NoticeText]
    tenant_id: UUID

    @property
    def key(self) -> str:
        """The same for the same notices of a tenant however often they are sent, and another for any others."""
        held = ",".join(str(notice.id) for notice in self.notices)
        return hashlib.sha256(f"{self.tenant_id}:{held}".encode()).hexdigest()[:32]


class AddressRefused(Exception):
    """The person cannot be reached at this address, now or later."""


class SenderFailed(Exception):
    """This person was not reached this time; others may be."""


class Sender(Protocol):
    """Whatever brings notices to a person by one channel."""

    channel: str
    title: Bilingual

    def reaches(self, recipient: Recipient) -> bool:
        """Whether the person has an address for this channel."""
        ...

    async def send(self, place: JobPlace, parcel: Parcel) -> None:
        """Hand the parcel over. Raises AddressRefused, SenderFailed; OSError or SMTPException mean that nobody can be
        reached by this channel at the moment."""
        ...


SENDERS: dict[str, Sender] = {}


def register_sender(sender: Sender) -> Sender:
    """Make a channel available; its name stands once."""
    if sender.channel in SENDERS:
        raise ValueError(f"channel {sender.channel} has a sender already")
    SENDERS[sender.channel] = sender
    return sender


class EmailSender:
    """Mail through the product's mailer, in the person's language."""

    channel = EMAIL
    title = Bilingual("邮件", "E-mail")

    def reaches(self, recipient: Recipient) -> bool:
        """Whoever has an e-mail address."""
        return bool(recipient.email)

    async def send(self, place: JobPlace, parcel: Parcel) -> None:
        """One mail for the whole parcel; sent again, it bears the same Message-ID."""
        try:
            await place.tools.mailer.send(notice_letter(parcel, place.tools.public_url))
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise (AddressRefused if codes and min(codes) >= PERMANENT else SenderFailed) from None
        except smtplib.SMTPDataError:
            raise SenderFailed from None
