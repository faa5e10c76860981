"""`steward webhook`: endpoints, their secrets, the log of deliveries, sending again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import select

from steward_core.permissions import WEBHOOKS_MANAGE
from steward_core.webhooks import service
from steward_core.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from steward_core.webhooks.queries import delivery_of, endpoint_of, list_deliveries, payload_of
from steward_core.webhooks.service import SecretShown
from steward_graphql.mutations.command_modules import load_commands
from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.answers import plain
from steward_server.cli.options import moment_of
from steward_server.cli.output import AsJson, Yes, show
from steward_server.cli.tenant_work import reading, writing
from steward_tenants.access.rules import require
from steward_tenants.commands.service import COMMANDS
from steward_tenants.database.session import ReadSession, WriteSession

app = typer.Typer(no_args_is_help=True, help="Webhook：向外部系统推送事件。Webhooks.", rich_markup_mode=None)

EndpointId = Annotated[UUID, typer.Argument(metavar="ENDPOINT", help="端点编号，见 list。An id of `list`.")]
DeliveryId = Annotated[UUID, typer.Argument(metavar="DELIVERY", help="投递编号，见 log。An id of `log`.")]
Event = Annotated[
    list[str],
    typer.Option("--event", help="操作标识、前缀 clients.* 或 *，可多次给出。A command's key, a prefix or *."),
]
Moment = "%Y-%m-%dT%H:%M"
Since = Annotated[
    datetime, typer.Option("--since", formats=["%Y-%m-%d", Moment], help="从此时起（租户时区）。From then on.")
]
Until = Annotated[
    datetime, typer.Option("--until", formats=["%Y-%m-%d", Moment], help="到此时为止（不含）。Before then.")
]


@app.command("events")
def events(as_json: AsJson = False) -> None:
    """List what endpoints can be told of. 例 example: steward webhook events"""
    load_commands()
    rows = [{"event": key, "title_zh": one.title.zh, "title_en": one.title.en} for key, one in sorted(COMMANDS.items())]
    show(rows, as_json=as_json)


@app.command("list")
def endpoints(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """List the endpoints. 例 example: steward webhook list huaxin --login admin@huaxin.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        require(session.actor, WEBHOOKS_MANAGE)
        rows = select(WebhookEndpoint).where(session.within(WebhookEndpoint)).order_by(WebhookEndpoint.created_at)
        return [_endpoint(row) for row in await session.scalars(rows)]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("create")
def create(
    tenant: TenantKey,
    name: Annotated[str, typer.Argument(metavar="NAME", help="名称。What it is called.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="https 地址。Its https URL.")],
    login: Login,
    event: Event,
    as_json: AsJson = False,
) -> None:
    """Set up an endpoint, and print the secret that signs: it is shown this once.

    例 example: steward webhook create huaxin 数据中台 https://hooks.example.com/steward --event 'clients.*'
    --login admin@huaxin.example
    """

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        return _with_secret(await service.create_endpoint(session, name=name, url=url, events=event))

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("change")
def change(
    tenant: TenantKey,
    endpoint_id: EndpointId,
    login: Login,
    name: Annotated[str | None, typer.Option("--name", help="名称。What it is called.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="https 地址。Its https URL.")] = None,
    event: Annotated[list[str] | None, typer.Option("--event", help="事件，可多次给出。Events; repeat it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given. 例 example: steward webhook change huaxin 0192… --event 'clients.*' --login
    admin@huaxin.example"""

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        version = (await endpoint_of(session, endpoint_id)).version
        changed = await service.change_endpoint(
            session, endpoint_id, expected_version=version, name=name, url=url, events=event or None
        )
        return _endpoint(changed)

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("rotate")
def rotate(
    tenant: TenantKey,
    endpoint_id: EndpointId,
    login: Login,
    hours: Annotated[int, typer.Option("--hours", help="原密钥继续有效的小时数。How long both sign.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Sign by a new secret, which is shown this once; the former one signs as well for some hours.

    例 example: steward webhook rotate huaxin 0192… --hours 48 --login admin@huaxin.example
    """

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        return _with_secret(await service.rotate_secret(session, endpoint_id, hours=hours))

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("pause")
def pause(tenant: TenantKey, endpoint_id: EndpointId, login: Login, as_json: AsJson = False) -> None:
    """Send nothing for now. 例 example: steward webhook pause huaxin 0192… --login admin@huaxin.example"""

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        return _endpoint(await service.pause_endpoint(session, endpoint_id))

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("resume")
def resume(
    tenant: TenantKey,
    endpoint_id: EndpointId,
    login: Login,
    skip: Annotated[
        bool, typer.Option("--skip", help="不补发暂停期间的事件。Leave out what happened meanwhile.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send again, first what happened meanwhile. 例 example: steward webhook resume huaxin 0192… --login
    admin@huaxin.example"""

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        return _endpoint(await service.resume_endpoint(session, endpoint_id, skip=skip))

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("delete")
def delete(tenant: TenantKey, endpoint_id: EndpointId, login: Login, yes: Yes = False) -> None:
    """Forget an endpoint and its deliveries. 例 example: steward webhook delete huaxin 0192… --login
    admin@huaxin.example"""
    if not yes:
        typer.confirm("删除该端点及其投递记录？ Delete the endpoint and its deliveries?", abort=True)

    async def task(session: WriteSession, _who: Acting) -> None:
        await service.delete_endpoint(session, endpoint_id)

    writing(tenant, login, task)


@app.command("ping")
def ping(tenant: TenantKey, endpoint_id: EndpointId, login: Login, as_json: AsJson = False) -> None:
    """Have a worker send a test; `show` tells what became of it.

    例 example: steward webhook ping huaxin 0192… --login admin@huaxin.example
    """

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        return _delivery(await service.ping_endpoint(session, endpoint_id))

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("log")
def log(
    tenant: TenantKey,
    login: Login,
    endpoint_id: Annotated[UUID | None, typer.Option("--endpoint", help="端点。Of one endpoint.")] = None,
    status: Annotated[DeliveryStatus | None, typer.Option("--status", help="状态。In this state.")] = None,
    action: Annotated[str | None, typer.Option("--event", help="事件类型。Of this type.")] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="从哪天起。From this day on.")
    ] = None,
    size: Annotated[int, typer.Option("--size", min=1, max=500, help="条数。How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, the latest first. 例 example: steward webhook log huaxin --status dead --login
    admin@huaxin.example"""

    async def task(session: ReadSession, who: Acting) -> list[dict[str, Any]]:
        rows = await list_deliveries(
            session,
            endpoint_id=endpoint_id,
            status=status,
            action=action,
            since=moment_of(since, who.tenant.time_zone),
            limit=size,
        )
        return [_delivery(row) for row in rows]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("show")
def show_delivery(tenant: TenantKey, delivery_id: DeliveryId, login: Login, as_json: AsJson = False) -> None:
    """Show a delivery and its body. 例 example: steward webhook show huaxin 0192… --login admin@huaxin.example"""

    async def task(session: ReadSession, _who: Acting) -> dict[str, Any]:
        require(session.actor, WEBHOOKS_MANAGE)
        delivery = await delivery_of(session, delivery_id)
        return {**_delivery(delivery), "body": await payload_of(session, delivery)}

    show([reading(tenant, login, task)], as_json=as_json)


@app.command("replay")
def replay(tenant: TenantKey, delivery_id: DeliveryId, login: Login, as_json: AsJson = False) -> None:
    """Send an event again. 例 example: steward webhook replay huaxin 0192… --login admin@huaxin.example"""

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        return _delivery(await service.replay_delivery(session, delivery_id))

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("replay-range")
def replay_range(
    tenant: TenantKey, endpoint_id: EndpointId, login: Login, since: Since, until: Until, as_json: AsJson = False
) -> None:
    """Send an endpoint all that it wants of a span of time again.

    例 example: steward webhook replay-range huaxin 0192… --since 2026-03-02 --until 2026-03-03 --login
    admin@huaxin.example
    """

    async def task(session: WriteSession, who: Acting) -> dict[str, Any]:
        begin, end = (moment_of(given, who.tenant.time_zone) for given in (since, until))
        assert begin is not None
        assert end is not None
        return {"events": await service.replay_events(session, endpoint_id, since=begin, until=end)}

    show([writing(tenant, login, task)], as_json=as_json)


def _endpoint(row: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "url": row.url,
        "events": list(row.events),
        "paused": row.paused,
        "failures": row.failures,
        "delivered_at": plain(row.delivered_at),
    }


def _with_secret(shown: SecretShown) -> dict[str, Any]:
    return {**_endpoint(shown.endpoint), "secret": shown.secret}


def _delivery(row: WebhookDelivery) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "endpoint": str(row.endpoint_id),
        "event": row.action,
        "event_id": None if row.event_id is None else str(row.event_id),
        "status": row.status,
        "attempts": row.attempts,
        "response_code": row.response_code,
        "error": row.error,
        "tried_at": plain(row.tried_at),
        "next_at": plain(row.next_at) if row.status == DeliveryStatus.WAITING else None,
    }
