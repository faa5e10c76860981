"""From the sealed log to deliveries, in the order of the log, each event once for each endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert

from steward_core.webhooks.errors import TooMuchToReplay
from steward_core.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from steward_core.webhooks.queries import Sealed, Wishes, active_endpoints, events_of, seals_after
from steward_core.webhooks.rules import wants
from steward_tenants.audit.queries import identifiers_in
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession

SEALS_AT_ONCE = 2
REPLAYED_SEALS_AT_ONCE = 20
MOST_REPLAYED = 10_000
MOST_SEALS_REPLAYED = 5_000
ROWS_AT_ONCE = 1_000
TURN = "webhooks.pump"


async def pump(session: WriteSession) -> bool:
    """Make deliveries of the next sealed batches for the active endpoints; whether there may be more.

    What was made before is not made again. All of it is one transaction with the endpoints' cursors.
    """
    await take_turn(session, TURN)
    endpoints = await active_endpoints(session)
    if not endpoints:
        return False
    seals = await seals_after(session, min(endpoint.cursor for endpoint in endpoints), SEALS_AT_ONCE)
    if not seals:
        return False
    events = await events_of(session, seals)
    await _write(session, _wanted(endpoints, events, lambda endpoint, event: event.batch > endpoint.cursor))
    last = seals[-1].batch
    await session.execute(
        update(WebhookEndpoint)
        .where(
            session.within(WebhookEndpoint),
            identifiers_in(WebhookEndpoint.id, [endpoint.id for endpoint in endpoints]),
            WebhookEndpoint.cursor < last,
        )
        .values(cursor=last)
        .execution_options(synchronize_session=False)
    )
    return len(seals) == SEALS_AT_ONCE


async def replay_range(session: WriteSession, endpoint: Wishes, since: datetime, until: datetime) -> int:
    """Have the events of a span of time (`until` excluded) sent again, or for the first time, to one endpoint; gives
    how many. Raises TooMuchToReplay, and nothing is sent then."""
    batch, replayed, looked_at = 0, 0, 0
    while True:
        seals = await seals_after(session, batch, REPLAYED_SEALS_AT_ONCE, since=since, until=until)
        if not seals:
            return replayed
        batch, looked_at = seals[-1].batch, looked_at + len(seals)
        events = [event for event in await events_of(session, seals) if since <= event.at < until]
        rows = _wanted([endpoint], events, lambda *_: True)
        replayed += len(rows)
        if replayed > MOST_REPLAYED or looked_at > MOST_SEALS_REPLAYED:
            raise TooMuchToReplay(most=MOST_REPLAYED)
        await _write(session, rows, again=True)


def _wanted(
    endpoints: Sequence[Wishes], events: Iterable[Sealed], ahead: Callable[[Wishes, Sealed], bool]
) -> list[dict[str, Any]]:
    return [
        {
            "id": new_id(),
            "endpoint_id": endpoint.id,
            "event_id": event.id,
            "event_at": event.at,
            "action": event.action,
            "batch": event.batch,
            "place": event.place,
        }
        for event in events
        for endpoint in endpoints
        if ahead(endpoint, event) and wants(endpoint.events, event.action)
    ]


async def _write(session: WriteSession, rows: Sequence[dict[str, Any]], *, again: bool = False) -> None:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = [{"tenant_id": session.tenant_id, **row} for row in rows[start : start + ROWS_AT_ONCE]]
        statement = insert(WebhookDelivery).values(some)
        unique = ["tenant_id", "endpoint_id", "event_id"]
        if again:
            statement = statement.on_conflict_do_update(
                index_elements=unique, set_={**fresh_start(), "replays": WebhookDelivery.replays + 1}
            )
        else:
            statement = statement.on_conflict_do_nothing(index_elements=unique)
        await session.execute(statement)


def fresh_start() -> dict[str, Any]:
    """The values of a delivery that is to be sent as if for the first time."""
    return {"status": DeliveryStatus.WAITING.value, "attempts": 0, "next_at": func.now()}
