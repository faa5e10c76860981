"""Notices to the tenant's own system: signed, to the chosen endpoint only, without their texts."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from steward_core.notifications.jobs import send_due
from steward_core.notifications.service import notify, set_notice_preference
from steward_core.notifications.settings import WEBHOOK
from steward_core.notifications.webhook_channel import CHANNEL, EndpointFailed
from steward_core.webhooks.addresses import OutgoingPolicy, deliver_within, outgoing_policy
from steward_core.webhooks.models import PauseReason, WebhookEndpoint
from steward_core.webhooks.rules import EVENT_HEADER, SIGNATURE_HEADER, secret_place
from steward_tenants.audit.service import Subject
from steward_tenants.configuration.models import TenantSetting
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.texts import Bilingual
from tests.core.notifications.post import QUIET_KIND, Post, as_person, deliveries, job_place, kinds
from tests.factories import TESTS, make_tenant, make_user

SECRET = "whsec_invented-for-this-test"
TITLE = Bilingual("合同将到期", "A contract will end")


@dataclass
class Receiver:
    """Answers every request with `status`, and keeps head and body of each."""

    status: int = 204
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        head = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.requests.append((head, await reader.readexactly(int(head["content-length"]))))
        writer.write(f"HTTP/1.1 {self.status} Invented\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    found = Receiver()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    before = outgoing_policy()
    deliver_within(OutgoingPolicy((ip_network("127.0.0.0/8"),), http=True))
    with kinds():
        yield found, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    deliver_within(before)
    server.close()
    await server.wait_closed()


async def told(database: Database, url: str, **values: Any) -> tuple[UUID, UUID, UUID]:
    """A tenant whose endpoint is `url`, a person who wishes notices to go there, and the client of one notice."""
    tenant_id, endpoint_id, client_id = await make_tenant(database), new_id(), new_id()
    async with database.write(tenant_id, TESTS) as session:
        person = make_user(session)
        secret = session.vault.encrypt(SECRET, secret_place(tenant_id, endpoint_id))
        endpoint = {"id": endpoint_id, "name": "内部系统", "url": url, "events": ["x.*"], "secret": secret}
        session.add(WebhookEndpoint(**{**endpoint, "created_by": TESTS.id, **values}))
        session.add(TenantSetting(key=WEBHOOK.key, value=str(endpoint_id), changed_by=TESTS.id))
    async with database.write(tenant_id, as_person(person.id)) as session:
        await set_notice_preference(session, QUIET_KIND, CHANNEL, wanted=True)
    async with database.write(tenant_id, TESTS) as session:
        about = Subject("client", client_id)
        body = Bilingual("保密的正文", "A secret text")
        await notify(session, [person.id], QUIET_KIND, title=TITLE, body=body, subject=about)
    return tenant_id, person.id, client_id


async def test_the_endpoint_is_told_signed_and_without_the_text(
    database: Database, receiver: tuple[Receiver, str]
) -> None:
    there, url = receiver
    tenant_id, person_id, client_id = await told(database, url)
    assert await send_due(job_place(database, tenant_id, Post()), {}) is True
    ((head, body),) = there.requests
    document = json.loads(body)
    (notice,) = document.pop("notices")
    assert document == {"type": "notices", "tenant_id": str(tenant_id), "person_id": str(person_id)}
    assert (notice["kind"], notice["title"]) == (QUIET_KIND, {"zh-CN": TITLE.zh, "en": TITLE.en})
    assert notice["subject"] == {"kind": "client", "id": str(client_id)}
    assert "保密" not in body.decode()
    at, mac = head[SIGNATURE_HEADER.lower()].split(",")
    signed = f"{at.removeprefix('t=')}.".encode() + body
    assert mac == f"v1={hmac.new(SECRET.encode(), signed, 'sha256').hexdigest()}"
    assert head[EVENT_HEADER.lower()] == "notices"
    assert await deliveries(database, tenant_id) == Counter(sent=1)


async def test_what_is_not_accepted_is_tried_again(database: Database, receiver: tuple[Receiver, str]) -> None:
    there, url = receiver
    there.status = 500
    tenant_id, *_ = await told(database, url)
    with pytest.raises(EndpointFailed):
        await send_due(job_place(database, tenant_id, Post()), {})
    assert await deliveries(database, tenant_id) == Counter(waiting=1)
    there.status = 200
    await send_due(job_place(database, tenant_id, Post()), {})
    assert await deliveries(database, tenant_id) == Counter(sent=1)


@pytest.mark.parametrize("values", [{"paused": PauseReason.PERSON.value}, {"secret": "unreadable"}])
async def test_an_endpoint_that_is_paused_or_unreadable_gets_nothing(
    database: Database, receiver: tuple[Receiver, str], values: dict[str, str]
) -> None:
    there, url = receiver
    tenant_id, *_ = await told(database, url, **values)
    assert await send_due(job_place(database, tenant_id, Post()), {}) is True
    assert there.requests == []
    assert await deliveries(database, tenant_id) == Counter(failed=1)


async def test_an_address_of_the_own_network_is_refused(database: Database, receiver: tuple[Receiver, str]) -> None:
    there, url = receiver
    tenant_id, *_ = await told(database, url)
    deliver_within(OutgoingPolicy(http=True))
    with pytest.raises(EndpointFailed):
        await send_due(job_place(database, tenant_id, Post()), {})
    assert there.requests == []


async def test_a_failing_endpoint_does_not_hold_up_mail(database: Database, receiver: tuple[Receiver, str]) -> None:
    there, url = receiver
    there.status = 503
    tenant_id, person_id, _ = await told(database, url)
    async with database.write(tenant_id, TESTS) as session:
        other = make_user(session, email="ben@example.test")
    async with database.write(tenant_id, as_person(other.id)) as session:
        await set_notice_preference(session, QUIET_KIND, "email", wanted=True)
    async with database.write(tenant_id, TESTS) as session:
        await notify(session, [person_id, other.id], QUIET_KIND, title=TITLE)
    post = Post()
    with pytest.raises(EndpointFailed):
        await send_due(job_place(database, tenant_id, post), {})
    assert [letter.to for letter in post.letters] == ["ben@example.test"]
    assert len(there.requests) == 1
