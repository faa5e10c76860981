"""Webhooks over the API: the endpoint's life, its secret, sending again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from steward_core.permissions import WEBHOOKS_MANAGE
from steward_core.webhooks.models import WebhookDelivery, WebhookEndpoint
from steward_graphql.functions.webhooks import FUNCTIONS
from steward_tenants.audit.sealer import Sealer
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden, InvalidInput
from tests.factories import actor_with, make_tenant
from tests.gql.mutations.asking import ask, asked, by_name

URL = "https://hooks.example.com/steward"
EVENTS, PAYLOAD = FUNCTIONS


async def test_an_endpoint_from_its_creation_to_its_end(database: Database) -> None:
    tenant = await make_tenant(database)
    admin = actor_with(WEBHOOKS_MANAGE)
    who = asked(database, tenant, admin)
    made = await ask(who, "createWebhookEndpoint", name="数据中台", url=URL, events=["webhooks.*"])
    assert made["secret"].startswith("whsec_")
    endpoint = {"endpointId": str(made["endpoint"])}
    changed = await ask(who, "changeWebhookEndpoint", **endpoint, version=1, events=["*"])
    assert changed == {"endpoint": made["endpoint"]}
    rotated = await ask(who, "rotateWebhookSecret", **endpoint, hours=48)
    assert rotated["secret"] != made["secret"]
    await ask(who, "pauseWebhookEndpoint", **endpoint)
    await ask(who, "resumeWebhookEndpoint", **endpoint, skip=True)
    pinged = await ask(who, "pingWebhookEndpoint", **endpoint)
    await Sealer(database, upkeep=False).seal_once()
    now = datetime.now(UTC)
    span = {"since": (now - timedelta(hours=1)).isoformat(), "until": (now + timedelta(hours=1)).isoformat()}
    replayed = await ask(who, "replayWebhookEvents", **endpoint, **span)
    assert replayed["events"] >= 6
    assert await ask(who, "replayWebhookDelivery", deliveryId=str(pinged["delivery"])) == pinged
    async with database.read(tenant, admin) as session:
        row = await session.get(WebhookDelivery, pinged["delivery"])
        assert row is not None
        assert row.replays == 1
        payload = await PAYLOAD.call(session, who, delivery_id=row.id)
        assert '"type":"webhook.ping"' in payload
    assert await ask(who, "deleteWebhookEndpoint", **endpoint) == {"id": made["endpoint"]}
    async with database.read(tenant, admin) as session:
        assert await session.get(WebhookEndpoint, made["endpoint"]) is None


async def test_problems_name_the_input(database: Database) -> None:
    who = asked(database, await make_tenant(database), actor_with(WEBHOOKS_MANAGE))
    with pytest.raises(InvalidInput) as refused:
        await ask(who, "createWebhookEndpoint", name="甲", url="https://10.0.0.1/", events=["*"])
    assert [(problem.path, problem.code) for problem in refused.value.problems] == [(("url",), "address")]


async def test_it_takes_the_permission(database: Database) -> None:
    tenant = await make_tenant(database)
    who = asked(database, tenant, actor_with())
    with pytest.raises(Forbidden):
        await ask(who, "createWebhookEndpoint", name="甲", url=URL, events=["*"])
    async with database.read(tenant, actor_with()) as session:
        with pytest.raises(Forbidden):
            await EVENTS.call(session, who)


async def test_events_are_the_commands(database: Database) -> None:
    tenant = await make_tenant(database)
    admin = actor_with(WEBHOOKS_MANAGE)
    async with database.read(tenant, admin) as session:
        found = await EVENTS.call(session, asked(database, tenant, admin))
    titles = {one.key: one.title for one in found}
    assert titles["webhooks.endpoint.create"].zh == "新建 Webhook 端点"
    assert "clients.client.create" in titles


def test_secrets_are_marked() -> None:
    for name in ("createWebhookEndpoint", "rotateWebhookSecret"):
        assert by_name()[name].secret == {"secret"}
