"""Visits: the day sheet to print, and photos. Everything else about visits is GraphQL's."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from steward_core.visits.day_sheet import DaySheet, day_sheet, revealed_day_sheet
from steward_core.visits.day_sheet_html import CONTENT_SECURITY_POLICY, html_sheet
from steward_core.visits.day_sheet_pdf import pdf_sheet
from steward_core.visits.photos import open_photo
from steward_server.api.edge import Edge, current_caller, current_edge
from steward_server.api.problems import wanted_locale
from steward_tenants.access.queries import today
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.signin.caller import Caller

router = APIRouter(prefix="/visits", tags=["visits"])
_PRIVATE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}


@router.get(
    "/day-sheet",
    summary="打印日程单 The day sheet to print",
    response_class=Response,
    responses={200: {"content": {"text/html": {}, "application/pdf": {}}}},
)
async def print_day_sheet(
    request: Request,
    edge: Annotated[Edge, Depends(current_edge)],
    caller: Annotated[Caller, Depends(current_caller)],
    *,
    day: Annotated[date | None, Query()] = None,
    owner_id: Annotated[UUID | None, Query()] = None,
    form: Annotated[Literal["html", "pdf"], Query()] = "html",
    reveal: Annotated[bool, Query()] = False,
) -> Response:
    """The clients of a manager's day (oneself and today when left out), as a page or a PDF in the language asked for.
    `reveal` shows the phones that the caller's scope reveals, and is put on record before they leave."""
    facts = await tenant_facts(edge.database, caller.tenant_id)
    now = today(facts.time_zone)
    request_id = str(getattr(request.state, "request_id", ""))
    sheet: DaySheet
    if reveal:
        async with edge.database.write(caller.tenant_id, caller.actor, request_id=request_id) as session:
            sheet = await revealed_day_sheet(session, day or now, today=now, owner_id=owner_id)
    else:
        async with edge.database.read(caller.tenant_id, caller.actor, request_id=request_id) as reading:
            sheet = await day_sheet(reading, day or now, today=now, owner_id=owner_id)
    locale = wanted_locale(request)
    headers = {**_PRIVATE, "Content-Language": locale}
    if form == "pdf":
        name = quote(f"day-sheet-{sheet.day}.pdf", safe="")
        headers["Content-Disposition"] = f"inline; filename*=UTF-8''{name}"
        return Response(
            await asyncio.to_thread(pdf_sheet, sheet, locale), media_type="application/pdf", headers=headers
        )
    headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return Response(html_sheet(sheet, locale), media_type="text/html", headers=headers)


@router.get(
    "/{visit_id}/photos/{file_id}",
    summary="查看走访照片 A photo of a visit",
    response_class=StreamingResponse,
    responses={200: {"content": {"image/*": {}}}},
)
async def photo(
    request: Request,
    visit_id: UUID,
    file_id: UUID,
    edge: Annotated[Edge, Depends(current_edge)],
    caller: Annotated[Caller, Depends(current_caller)],
) -> StreamingResponse:
    """The picture, for who sees the visit."""
    day = today((await tenant_facts(edge.database, caller.tenant_id)).time_zone)
    request_id = str(getattr(request.state, "request_id", ""))
    async with edge.database.write(caller.tenant_id, caller.actor, request_id=request_id) as session:
        row = await open_photo(session, visit_id, file_id, today=day)
    return StreamingResponse(
        edge.file_store.read(caller.tenant_id, file_id),
        media_type=row.media_type,
        headers={**_PRIVATE, "Content-Length": str(row.size), "Content-Disposition": "inline"},
    )
