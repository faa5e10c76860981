"""Health, readiness and metrics."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import text

from steward_server.api.edge import Edge, current_edge
from steward_tenants.errors import Unauthenticated

router = APIRouter(tags=["health"])
CHECK_SECONDS = 2.0


@router.get("/healthz", summary="The process answers")
async def healthz() -> dict[str, str]:
    """Answers as long as the process runs; asks no other service."""
    return {"status": "ok"}


@router.get("/readyz", summary="The services that are needed answer", responses={503: {"description": "Not ready"}})
async def readyz(edge: Annotated[Edge, Depends(current_edge)]) -> JSONResponse:
    """Whether the database (both roles) and the queue server answer within two seconds."""

    async def application() -> None:
        async with edge.database.application.connect() as connection:
            await connection.execute(text("select steward.tenant()"))

    async def directory() -> None:
        async with edge.database.directory() as session:
            await session.execute(text("select 1 from directory.tenant limit 1"))

    async def queue() -> None:
        await edge.valkey.ping()

    checks = {"database": application, "directory": directory, "queue": queue}
    answers = await asyncio.gather(*(_within(check) for check in checks.values()))
    ready = all(answers)
    body = {
        "status": "ready" if ready else "not ready",
        "checks": dict(zip(checks, ("ok" if answer else "failed" for answer in answers), strict=True)),
    }
    return JSONResponse(body, 200 if ready else 503)


async def _within(check: Callable[[], Awaitable[None]]) -> bool:
    try:
        await asyncio.wait_for(check(), CHECK_SECONDS)
    except Exception:
        return False
    return True


@router.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
async def metrics(request: Request, edge: Annotated[Edge, Depends(current_edge)]) -> PlainTextResponse:
    """For the monitoring system: with the metrics token where one is set, else from this machine only."""
    expected = edge.settings.metrics_token
    if expected is not None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        allowed = hmac.compare_digest(given.encode(), expected.get_secret_value().encode())
    else:
        allowed = "x-forwarded-for" not in request.headers and _is_loopback(edge.address(request))
    if not allowed:
        raise Unauthenticated
    await request.app.state.queue_metrics.refresh()
    body = generate_latest(request.app.state.metrics.registry)
    return PlainTextResponse(body, media_type=CONTENT_TYPE_LATEST)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
