"""From a command to the receiver: sealed, pumped, sent, signed, retried, replayed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from steward_core.notifications.models import Notice
from steward_core.permissions import WEBHOOKS_MANAGE
from steward_core.webhooks import pumping, service
from steward_core.webhooks.errors import (
    DeliveryNotFound,
    EndpointNotFound,
    EndpointPaused,
    TooManyEndpoints,
    TooMuchToReplay,
)
from steward_core.webhooks.jobs import keep_webhooks
from steward_core.webhooks.models import WebhookDelivery, WebhookEndpoint
from steward_core.webhooks.queries import list_deliveries, payload_of
from steward_core.webhooks.rules import DELAYS, PING
from steward_core.webhooks.service import (
    SecretShown,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    pause_endpoint,
    ping_endpoint,
    replay_delivery,
    replay_events,
    resume_endpoint,
    rotate_secret,
)
from steward_tenants.audit.models import AuditEvent
from steward_tenants.audit.sealer import Sealer
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import Conflict, Forbidden, InvalidInput
from steward_tenants.files.store import LocalFileStore
from steward_tenants.outbox.jobs import JobTools
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.outbox.performing import perform_due
from steward_tenants.signin.mail import FolderMailer
from tests.core.webhooks.receiving import Received, answer, receiving, types
from tests.factories import TESTS, actor_with, assign, make_member, make_role, make_tenant

ADMIN = actor_with(WEBHOOKS_MANAGE)
pytestmark = pytest.mark.usefixtures("this_machine")


class Place:
    """A tenant, and the work that is done in it."""

    def __init__(self, database: Database, tenant_id: UUID, folder: Path) -> None:
        self.database = database
        self.tenant_id = tenant_id
        mailer = FolderMailer(folder / "mail", sender="steward@example.test")
        self.tools = JobTools(LocalFileStore(folder / "files"), mailer, "https://steward.example.test", folder)

    async def do(self, command: Any, *args: Any, **values: Any) -> Any:
        async with self.database.write(self.tenant_id, ADMIN) as session:
            return await command(session, *args, **values)

    async def endpoint(self, url: str, *events: str) -> SecretShown:
        made: SecretShown = await self.do(create_endpoint, name="数据中台", url=url, events=events or ("clients.*",))
        return made

    async def happen(self, *actions: str) -> list[UUID]:
        """Events of these actions, in this order."""
        subjects = []
        for action in actions:
            async with self.database.write(self.tenant_id, TESTS) as session:
                subjects.append(new_id())
                await record(session, action, Subject("client", subjects[-1]), after={"name": "保密的名字"})
        return subjects

    async def work(self) -> None:
        """Seal, and do all that is due."""
        await Sealer(self.database, upkeep=False).seal_once()
        await self.perform()

    async def perform(self) -> None:
        await perform_due(self.database, self.tenant_id, self.tools)

    async def later(self, **span: float) -> None:
        """Let time pass: all that waits for a moment waits for an earlier one."""
        ago = timedelta(**span)
        async with self.database.write(self.tenant_id, TESTS) as session:
            for table, names in (
                (WebhookDelivery, ("next_at",)),
                (WebhookEndpoint, ("rest_until", "failing_since", "lease_until", "previous_until")),
                (OutboxJob, ("due",)),
            ):
                values = {name: getattr(table, name) - ago for name in names}
                await session.execute(update(table).where(session.within(table)).values(values))
        await self.perform()

    async def deliveries(self, **conditions: Any) -> Sequence[WebhookDelivery]:
        async with self.database.read(self.tenant_id, ADMIN) as session:
            found = await list_deliveries(session, **conditions)
            return sorted(found, key=lambda one: (one.batch, one.place))

    async def row(self, endpoint_id: UUID) -> WebhookEndpoint:
        async with self.database.read(self.tenant_id, ADMIN) as session:
            row = await session.get(WebhookEndpoint, endpoint_id)
            assert row is not None
            return row


@pytest.fixture
async def place(database: Database, tmp_path: Path) -> Place:
    """A tenant of its own."""
    return Place(database, await make_tenant(database), tmp_path)


def signed_by(one: Received, secret: str) -> bool:
    """Whether one of the signatures is by this secret."""
    moment, *parts = one.headers["Steward-Signature"].split(",")
    signed = moment.removeprefix("t=").encode() + b"." + one.body
    return f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" in parts


async def test_what_happens_is_told_signed_and_in_order(place: Place) -> None:
    async with receiving() as receiver:
        await place.happen("clients.client.create")
        await Sealer(place.database, upkeep=False).seal_once()
        shown = await place.endpoint(receiver.url())
        names = [f"clients.step_{number}" for number in "abcdefgh"]
        subjects = await place.happen(*names, "people.update", "read.clients")
        await place.work()
    assert types(receiver.received) == names
    for one, subject in zip(receiver.received, subjects, strict=False):
        assert one.document["subject"] == {"kind": "client", "id": str(subject)}
        assert one.document["tenant_id"] == str(place.tenant_id)
        assert "保密" not in one.body.decode()
        assert signed_by(one, shown.secret)
        assert one.headers["Steward-Event"] == one.document["type"]
    rows = await place.deliveries()
    assert [row.status for row in rows] == ["delivered"] * 8
    assert {str(row.event_id) for row in rows} == {one.document["id"] for one in receiver.received}
    assert {(row.attempts, row.response_code, row.error) for row in rows} == {(1, 204, None)}
    async with place.database.read(place.tenant_id, ADMIN) as session:
        bodies = [await payload_of(session, row) for row in rows]
    assert bodies == [one.body.decode() for one in receiver.received]
    await place.work()
    assert len(receiver.received) == 8


async def test_each_endpoint_gets_what_it_wants(place: Place) -> None:
    async with receiving() as one, receiving() as two:
        await place.endpoint(one.url(), "clients.client.create", "people.*")
        await place.endpoint(two.url(), "*")
        await place.happen("clients.client.create", "clients.client.update", "people.move", "read.audit")
        await place.work()
    assert types(one.received) == ["clients.client.create", "people.move"]
    told = [name for name in types(two.received) if not name.startswith("webhooks.")]
    assert told == ["clients.client.create", "clients.client.update", "people.move"]


async def test_the_secret_is_shown_once_and_kept_encrypted(place: Place) -> None:
    shown = await place.endpoint("https://hooks.example.com/x?token=geheim")
    row = await place.row(shown.endpoint.id)
    assert shown.secret not in row.secret
    async with place.database.read(place.tenant_id, TESTS) as session:
        events = await session.scalars(select(AuditEvent).where(session.within(AuditEvent)))
    told = "".join(str(event.changes) for event in events)
    assert "hooks.example.com" in told
    assert "geheim" not in told
    assert shown.secret not in told


async def test_two_secrets_sign_while_one_is_rotated(place: Place) -> None:
    async with receiving() as receiver:
        first = await place.endpoint(receiver.url())
        second: SecretShown = await place.do(rotate_secret, first.endpoint.id, hours=2)
        await place.happen("clients.a")
        await place.work()
        assert all(signed_by(receiver.received[0], secret) for secret in (first.secret, second.secret))
        await place.later(hours=2)
        await place.happen("clients.b")
        await place.work()
        assert signed_by(receiver.received[1], second.secret)
        assert not signed_by(receiver.received[1], first.secret)
        await place.do(keep_webhooks)
        assert (await place.row(first.endpoint.id)).previous_secret is None
        third: SecretShown = await place.do(rotate_secret, first.endpoint.id, hours=0)
        await place.happen("clients.c")
        await place.work()
    assert receiver.received[2].headers["Steward-Signature"].count("v1=") == 1
    assert signed_by(receiver.received[2], third.secret)
    with pytest.raises(InvalidInput):
        await place.do(rotate_secret, first.endpoint.id, hours=169)


async def test_a_short_outage_changes_no_order(place: Place) -> None:
    async with receiving(answer(503), answer(500), answer(204)) as receiver:
        endpoint = (await place.endpoint(receiver.url())).endpoint
        await place.happen("clients.a", "clients.b")
        await place.work()
        assert types(receiver.received) == ["clients.a"]
        await place.perform()
        assert types(receiver.received) == ["clients.a"], "it rests"
        await place.later(seconds=11)
        assert types(receiver.received) == ["clients.a"] * 2
        await place.later(seconds=35)
        assert types(receiver.received) == ["clients.a"] * 3 + ["clients.b"]
        assert [one.headers["Steward-Attempt"] for one in receiver.received] == ["1", "2", "3", "1"]
        assert len({one.body for one in receiver.received[:3]}) == 1
    row = await place.row(endpoint.id)
    assert (row.failures, row.failing_since, row.rest_until, row.lease_by) == (0, None, None, None)


async def test_one_that_is_never_accepted_steps_aside_and_dies(place: Place) -> None:
    async with receiving(*[answer(422)] * 4, answer(204), answer(422)) as receiver:
        await place.endpoint(receiver.url())
        await place.happen("clients.bad", "clients.good")
        await place.work()
        for seconds in (11, 33, 100):
            await place.later(seconds=seconds)
        assert types(receiver.received) == ["clients.bad"] * 4 + ["clients.good"] + ["clients.bad"]
        for delay in DELAYS[4:]:
            await place.later(seconds=delay.total_seconds() * 1.051)
    bad, good = await place.deliveries()
    assert (bad.status, bad.attempts, bad.response_code, bad.error) == ("dead", 11, 422, "status")
    assert good.status == "delivered"


async def test_a_receiver_that_comes_back_gets_all_at_once(place: Place) -> None:
    async with receiving(answer(500)) as receiver:
        await place.endpoint(receiver.url())
        await place.happen("clients.a", "clients.b", "clients.c")
        await place.work()
        for _ in range(6):
            await place.later(seconds=100)
        receiver.answers = [answer(204)]
        await place.later(seconds=100)
    rows = await place.deliveries()
    assert [row.status for row in rows] == ["delivered"] * 3


async def test_an_endpoint_that_fails_for_a_day_is_paused_and_people_are_told(place: Place) -> None:
    member = await make_member(place.database, place.tenant_id)
    async with place.database.write(place.tenant_id, TESTS) as session:
        role = make_role(session, [WEBHOOKS_MANAGE])
        await session.flush()
        assign(session, member, role)
    async with receiving(answer(500)) as receiver:
        endpoint = (await place.endpoint(receiver.url())).endpoint
        await place.happen("clients.a")
        await place.work()
        await place.later(hours=24)
        row = await place.row(endpoint.id)
        assert (row.paused, row.lease_by) == ("failing", None)
        await place.happen("clients.b")
        await place.work()
        assert types(receiver.received) == ["clients.a"] * 2
        receiver.answers = [answer(204)]
        await place.do(resume_endpoint, endpoint.id)
        await place.perform()
        assert types(receiver.received) == ["clients.a"] * 3 + ["clients.b"]
    async with place.database.read(place.tenant_id, TESTS) as session:
        notices = await session.scalars(select(Notice).where(session.within(Notice)))
        paused = await session.scalar(
            select(func.count()).where(session.within(AuditEvent), AuditEvent.action == "webhooks.endpoint.pause")
        )
    assert [(one.user_id, one.subject_id) for one in notices] == [(member.id, endpoint.id)]
    assert paused == 1


async def test_a_pause_is_caught_up_with_or_left_out(place: Place) -> None:
    async with receiving() as receiver:
        endpoint = (await place.endpoint(receiver.url())).endpoint
        await place.do(pause_endpoint, endpoint.id)
        await place.happen("clients.a")
        await place.work()
        assert receiver.received == []
        await place.do(resume_endpoint, endpoint.id)
        await place.perform()
        assert types(receiver.received) == ["clients.a"]
        await place.do(pause_endpoint, endpoint.id)
        await place.happen("clients.b")
        await place.work()
        await place.do(resume_endpoint, endpoint.id, skip=True)
        await place.happen("clients.c")
        await place.work()
    assert types(receiver.received) == ["clients.a", "clients.c"]


async def test_a_ping_goes_first_even_to_a_paused_endpoint(place: Place) -> None:
    async with receiving(answer(500), answer(204), answer(500)) as receiver:
        shown = await place.endpoint(receiver.url())
        await place.happen("clients.a")
        await place.work()
        ping = await place.do(ping_endpoint, shown.endpoint.id)
        await place.perform()
        assert types(receiver.received)[:2] == ["clients.a", PING]
        assert receiver.received[1].document["id"] == str(ping.id)
        assert signed_by(receiver.received[1], shown.secret)
        await place.do(pause_endpoint, shown.endpoint.id)
        failing = await place.do(ping_endpoint, shown.endpoint.id)
        await place.perform()
    found = {row.id: row for row in await place.deliveries(action=PING)}
    assert (found[ping.id].status, found[failing.id].status) == ("delivered", "dead")
    assert found[failing.id].response_code == 500


async def test_what_was_sent_is_sent_again(place: Place) -> None:
    async with receiving() as receiver:
        endpoint = (await place.endpoint(receiver.url())).endpoint
        before = datetime.now(UTC) - timedelta(minutes=1)
        await place.happen("clients.a", "people.x", "clients.b")
        await place.work()
        first = (await place.deliveries())[0]
        await place.do(replay_delivery, first.id)
        await place.perform()
        assert types(receiver.received) == ["clients.a", "clients.b", "clients.a"]
        assert receiver.received[0].body == receiver.received[2].body
        until = datetime.now(UTC) + timedelta(minutes=1)
        assert await place.do(replay_events, endpoint.id, since=before, until=until) == 2
        await place.perform()
        assert types(receiver.received)[3:] == ["clients.a", "clients.b"]
        await place.do(change_endpoint, endpoint.id, expected_version=1, events=["people.*"])
        assert await place.do(replay_events, endpoint.id, since=before, until=until) == 1
        await place.perform()
        assert types(receiver.received)[5:] == ["people.x"]
        assert await place.do(replay_events, endpoint.id, since=until, until=until + timedelta(days=1)) == 0
    assert [row.replays for row in await place.deliveries()] == [2, 0, 1]


async def test_replays_have_limits(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = (await place.endpoint("https://hooks.example.com/")).endpoint
    now = datetime.now(UTC)
    span = {"since": now - timedelta(hours=1), "until": now + timedelta(hours=1)}
    await place.happen("clients.a", "clients.b")
    await Sealer(place.database, upkeep=False).seal_once()
    monkeypatch.setattr(pumping, "MOST_REPLAYED", 1)
    with pytest.raises(TooMuchToReplay):
        await place.do(replay_events, endpoint.id, **span)
    for wrong in ({"since": now, "until": now}, {"since": now.replace(tzinfo=None), "until": now}):
        with pytest.raises((InvalidInput, TypeError)):
            await place.do(replay_events, endpoint.id, **wrong)
    await place.do(pause_endpoint, endpoint.id)
    with pytest.raises(EndpointPaused):
        await place.do(replay_events, endpoint.id, **span)
    with pytest.raises(DeliveryNotFound):
        await place.do(replay_delivery, new_id())


async def test_a_job_that_died_after_sending_sends_once_more(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver:
        endpoint = (await place.endpoint(receiver.url())).endpoint
        await place.happen("clients.a")
        with monkeypatch.context() as patched:

            async def dies(*_: Any) -> None:
                raise ConnectionError("the worker is gone")

            patched.setattr("steward_core.webhooks.turns._note", dies)
            await place.work()
        assert len(receiver.received) == 1
        assert (await place.row(endpoint.id)).lease_by is not None
        await place.later(minutes=10)
        assert types(receiver.received) == ["clients.a"] * 2
    assert [row.status for row in await place.deliveries()] == ["delivered"]


async def test_events_are_pumped_once_whatever_repeats(place: Place) -> None:
    endpoint = (await place.endpoint("https://hooks.example.com/")).endpoint
    await place.happen("clients.a", "clients.b")
    await Sealer(place.database, upkeep=False).seal_once()
    await place.do(pumping.pump)
    async with place.database.write(place.tenant_id, TESTS) as session:
        await session.execute(update(WebhookEndpoint).where(session.within(WebhookEndpoint)).values(cursor=0))
    assert await place.do(pumping.pump) is False
    assert [row.action for row in await place.deliveries(endpoint_id=endpoint.id)] == ["clients.a", "clients.b"]


async def test_nothing_is_asked_for_where_nobody_listens(place: Place) -> None:
    await place.happen("clients.a")
    await Sealer(place.database, upkeep=False).seal_once()
    async with place.database.read(place.tenant_id, TESTS) as session:
        assert await session.scalar(select(func.count()).where(session.within(OutboxJob))) == 0


async def test_a_url_that_is_no_longer_allowed_is_not_gone_to(place: Place) -> None:
    async with receiving() as receiver:
        endpoint = (await place.endpoint(receiver.url())).endpoint
        async with place.database.write(place.tenant_id, TESTS) as session:
            await session.execute(
                update(WebhookEndpoint)
                .where(session.within(WebhookEndpoint), WebhookEndpoint.id == endpoint.id)
                .values(url="http://10.0.0.1/")
            )
        await place.happen("clients.a")
        await place.work()
        assert [row.error for row in await place.deliveries()] == ["url"]
        changed = await place.do(change_endpoint, endpoint.id, expected_version=1, url=receiver.url("/new"))
        await place.later(seconds=12)
        assert types(receiver.received) == ["clients.a"]
    with pytest.raises(Conflict):
        await place.do(change_endpoint, endpoint.id, expected_version=changed.version - 1, name="别名")


async def test_a_secret_of_another_place_signs_nothing(place: Place) -> None:
    async with receiving() as receiver:
        one, two = await place.endpoint(receiver.url()), await place.endpoint(receiver.url())
        stolen = (await place.row(two.endpoint.id)).secret
        async with place.database.write(place.tenant_id, TESTS) as session:
            await session.execute(
                update(WebhookEndpoint)
                .where(session.within(WebhookEndpoint), WebhookEndpoint.id == one.endpoint.id)
                .values(secret=stolen)
            )
        await place.happen("clients.a")
        await place.work()
    assert len(receiver.received) == 1
    assert [row.error for row in await place.deliveries(endpoint_id=one.endpoint.id)] == ["secret"]


async def test_another_tenant_knows_nothing_of_it(place: Place, database: Database, tmp_path: Path) -> None:
    other = Place(database, await make_tenant(database), tmp_path)
    async with receiving() as receiver:
        endpoint = (await place.endpoint(receiver.url())).endpoint
        await other.happen("clients.a")
        await other.work()
        await place.work()
    assert receiver.received == []
    for command in (pause_endpoint, resume_endpoint, rotate_secret, ping_endpoint, delete_endpoint):
        with pytest.raises(EndpointNotFound):
            await other.do(command, endpoint.id)


async def test_it_takes_the_permission(place: Place) -> None:
    nobody = actor_with()
    for command in (pause_endpoint, resume_endpoint, rotate_secret, ping_endpoint, delete_endpoint, replay_delivery):
        with pytest.raises(Forbidden):
            async with place.database.write(place.tenant_id, nobody) as session:
                await command(session, new_id())
    with pytest.raises(Forbidden):
        async with place.database.write(place.tenant_id, nobody) as session:
            await create_endpoint(session, name="甲", url="https://hooks.example.com/", events=["*"])


async def test_what_is_given_is_checked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    good: dict[str, Any] = {"name": "甲", "url": "https://hooks.example.com/", "events": ["*"]}
    refused: list[dict[str, Any]] = [{"name": " "}, {"name": "甲" * 201}, {"url": "http://10.0.0.1/"}, {"events": []}]
    for wrong in refused:
        with pytest.raises(InvalidInput):
            await place.do(create_endpoint, **{**good, **wrong})
    monkeypatch.setattr(service, "MOST_ENDPOINTS", 1)
    await place.do(create_endpoint, **good)
    with pytest.raises(TooManyEndpoints):
        await place.do(create_endpoint, **good)


async def test_the_log_is_kept_for_a_month(place: Place) -> None:
    async with receiving() as receiver:
        endpoint = (await place.endpoint(receiver.url())).endpoint
        await place.happen("clients.a", "clients.b")
        await place.work()
        old, new = await place.deliveries()
        async with place.database.write(place.tenant_id, TESTS) as session:
            await session.execute(
                update(WebhookDelivery)
                .where(session.within(WebhookDelivery), WebhookDelivery.id == old.id)
                .values(created_at=func.now() - timedelta(days=31))
            )
        assert await place.do(keep_webhooks) == 1
    assert [row.id for row in await place.deliveries()] == [new.id]
    await place.do(delete_endpoint, endpoint.id)
    assert await place.deliveries() == []
