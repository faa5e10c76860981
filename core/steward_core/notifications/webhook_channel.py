"""Notices to the tenant's own system: signed and sent as its webhooks are, to the one endpoint that it chose."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

from steward_core.notifications.senders import AddressRefused, NoticeText, Parcel, Recipient
from steward_core.notifications.settings import WEBHOOK
from steward_core.webhooks.addresses import outgoing_policy
from steward_core.webhooks.delivery import Sender as HttpSender
from steward_core.webhooks.models import WebhookEndpoint
from steward_core.webhooks.rules import EVENT_HEADER, SIGNATURE_HEADER, secret_place, signature
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.actor import system
from steward_tenants.database.session import TenantSession
from steward_tenants.database.vault import Unreadable
from steward_tenants.outbox.jobs import JobPlace
from steward_tenants.texts import Bilingual

CHANNEL = "webhook"
EVENT = "notices"
READS = system("notifications")


class EndpointFailed(ConnectionError):
    """The endpoint did not accept it; the text is the code of the failure."""


@dataclass(frozen=True)
class _Endpoint:
    url: str
    secrets: tuple[str, ...]


class WebhookSender:
    """Posts to the endpoint that the setting `notifications.webhook` names, unless that is paused or gone."""

    channel = CHANNEL
    title = Bilingual("租户 Webhook", "The tenant's webhook")

    def reaches(self, recipient: Recipient) -> bool:  # noqa: ARG002 - the address is the tenant's
        """Everybody: the tenant's system passes it on."""
        return True

    async def send(self, place: JobPlace, parcel: Parcel) -> None:
        """One request for the whole parcel. Raises AddressRefused when no endpoint is there, EndpointFailed."""
        async with place.database.read(place.tenant_id, READS) as session:
            endpoint = await _endpoint(session)
        if endpoint is None:
            raise AddressRefused
        body = body_of(place.tenant_id, parcel)
        headers = {EVENT_HEADER: EVENT, SIGNATURE_HEADER: signature(endpoint.secrets, body, int(time.time()))}
        answered = await HttpSender(outgoing_policy()).post(endpoint.url, body, headers)
        if answered.error is not None:
            raise EndpointFailed(answered.error)


async def _endpoint(session: TenantSession) -> _Endpoint | None:
    chosen = await get_setting(session, WEBHOOK)
    row = await session.get(WebhookEndpoint, UUID(chosen)) if chosen else None
    if row is None or row.paused is not None:
        return None
    place = secret_place(session.tenant_id, row.id)
    with suppress(Unreadable):
        held = [one for one in (row.secret, row.previous_secret) if one is not None]
        return _Endpoint(row.url, tuple(session.vault.decrypt(one, place) for one in held))
    return None


def body_of(tenant_id: UUID, parcel: Parcel) -> bytes:
    """The payload: whom it is for by id, and the notices' titles and subjects. Their texts stay here."""
    document = {
        "type": EVENT,
        "tenant_id": str(tenant_id),
        "person_id": str(parcel.recipient.user_id),
        "notices": [_told(notice) for notice in parcel.notices],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _told(notice: NoticeText) -> dict[str, Any]:
    subject = notice.subject
    return {
        "id": str(notice.id),
        "kind": notice.kind,
        "title": {"zh-CN": notice.title.zh, "en": notice.title.en},
        "subject": None if subject is None else {"kind": subject.kind, "id": subject.id and str(subject.id)},
        "at": notice.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
