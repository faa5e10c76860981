"""Files: upload, download, delete. The body of an upload is the file itself and is streamed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response, status
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from steward_server.api.edge import Edge, current_caller, current_edge
from steward_tenants.files import service
from steward_tenants.files.models import StoredFile
from steward_tenants.signin.caller import Caller

router = APIRouter(prefix="/files", tags=["files"])


class FileAnswer(BaseModel):
    """A stored file."""

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime


def _answer(row: StoredFile) -> FileAnswer:
    return FileAnswer(
        id=row.id,
        name=row.name,
        media_type=row.media_type,
        size=row.size,
        sha256=row.sha256.hex(),
        created_at=row.created_at,
    )


def _request_id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="上传文件 Upload a file",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload(
    request: Request,
    name: Annotated[str, Query(min_length=1, max_length=300)],
    edge: Annotated[Edge, Depends(current_edge)],
    caller: Annotated[Caller, Depends(current_caller)],
    content_type: Annotated[str, Header(max_length=200)] = "application/octet-stream",
) -> FileAnswer:
    """Keep the body under `name`; its type is the header's. Answers once the bytes are on disk."""
    row = await service.upload(
        edge.database,
        edge.file_store,
        caller.tenant_id,
        caller.actor,
        request.stream(),
        name=name,
        media_type=content_type,
        at_most=edge.settings.max_body_bytes,
        request_id=_request_id(request),
    )
    return _answer(row)


@router.get(
    "/{file_id}",
    summary="下载文件 Download a file",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def download(
    request: Request,
    file_id: UUID,
    edge: Annotated[Edge, Depends(current_edge)],
    caller: Annotated[Caller, Depends(current_caller)],
) -> StreamingResponse:
    """The file, as an attachment. Where opening must be on record, it is before the first byte leaves."""
    async with edge.database.write(caller.tenant_id, caller.actor, request_id=_request_id(request)) as session:
        row = await service.release(session, file_id)
    return StreamingResponse(
        edge.file_store.read(caller.tenant_id, file_id),
        media_type=row.media_type,
        headers={
            "Content-Length": str(row.size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.name, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


@router.delete("/{file_id}", status_code=status.HTTP_204_NO_CONTENT, summary="删除文件 Delete a file")
async def delete(
    request: Request,
    file_id: UUID,
    edge: Annotated[Edge, Depends(current_edge)],
    caller: Annotated[Caller, Depends(current_caller)],
) -> Response:
    """Take the file out of use."""
    async with edge.database.write(caller.tenant_id, caller.actor, request_id=_request_id(request)) as session:
        await service.delete_file(session, file_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)
