"""`steward file`: stored files within one's reach, among them the copy of one's own data."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from steward_server.cli.acting import Acting, Login, TenantKey, acting
from steward_server.cli.answers import plain
from steward_server.cli.output import AsJson, show
from steward_server.cli.tenant_work import reading
from steward_server.cli.workplace import work
from steward_server.composition import make_file_store
from steward_server.settings import Settings
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession
from steward_tenants.files.queries import uploads
from steward_tenants.files.service import release, upload

app = typer.Typer(no_args_is_help=True, help="文件。Stored files.", rich_markup_mode=None)

CHUNK = 256 * 1024


@app.command("list")
def list_files(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """List uploaded files within one's scope, newest first.

    例 example: steward file list huaxin --login admin@huaxin.example
    """

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return [plain(row) for row in await uploads(session)]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("put")
def put(
    tenant: TenantKey,
    path: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="文件。The file.")],
    login: Login,
    media_type: Annotated[str | None, typer.Option("--type", help="类型。Media type.")] = None,
    as_json: AsJson = False,
) -> None:
    """Upload a file. 例 example: steward file put huaxin 合同.pdf --login admin@huaxin.example"""

    async def task(database: Database, settings: Settings) -> Any:
        who = await acting(database, settings, tenant, login)
        row = await upload(
            database,
            make_file_store(settings),
            who.tenant.id,
            who.actor,
            _bytes_of(path),
            name=path.name,
            media_type=media_type or mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            at_most=settings.max_body_bytes,
        )
        return {"id": str(row.id), "name": row.name, "size": row.size, "sha256": row.sha256.hex()}

    show([work(task)], as_json=as_json)


async def _bytes_of(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


@app.command("get")
def get(
    tenant: TenantKey,
    file_id: Annotated[UUID, typer.Argument(metavar="FILE", help="文件编号。Id of a file.")],
    login: Login,
    to: Annotated[Path, typer.Option("--to", help="写入的文件。Where to write it.")],
    as_json: AsJson = False,
) -> None:
    """Download a file; on record where it holds personal data.

    例 example: steward file get huaxin 019a0000-0000-7000-8000-000000000000 --to 副本.zip --login zhao@hx.example
    """

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        async with database.write(who.tenant.id, who.actor) as session:
            row = await release(session, file_id)
        await asyncio.to_thread(to.touch, 0o600)
        with await asyncio.to_thread(to.open, "wb") as file:
            async for chunk in make_file_store(settings).read(who.tenant.id, file_id):
                file.write(chunk)
        return {"id": str(row.id), "name": row.name, "size": row.size, "path": str(to)}

    show([work(task)], as_json=as_json)
