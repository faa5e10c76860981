"""`steward privacy`: requests for a copy or the erasure of somebody's data."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from steward_server.cli.acting import Acting, Login, TenantKey, acting
from steward_server.cli.answers import plain
from steward_server.cli.naming import PERSON, Person, named
from steward_server.cli.output import AsJson, Yes, confirm, show
from steward_server.cli.tenant_work import reading, writing
from steward_server.cli.workplace import work
from steward_server.composition import make_file_store
from steward_server.settings import Settings
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession, WriteSession
from steward_tenants.privacy.models import PrivacyRequestKind
from steward_tenants.privacy.queries import privacy_requests
from steward_tenants.privacy.service import (
    copy_personal_data,
    erase_personal_data,
    open_privacy_request,
    refuse_privacy_request,
)

app = typer.Typer(no_args_is_help=True, help="个人信息请求。Requests about personal data.", rich_markup_mode=None)

Request = Annotated[UUID, typer.Argument(metavar="REQUEST", help="编号，见 privacy list。Its id.")]
Reason = Annotated[str | None, typer.Option("--reason", help="原因。Why.")]


@app.command("list")
def list_requests(
    tenant: TenantKey,
    login: Login,
    open_only: Annotated[bool, typer.Option("--open", help="只看待处理的。Only open ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """List requests: all for those who decide, one's own for anybody.

    例 example: steward privacy list huaxin --open --login admin@huaxin.example
    """

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return [plain(request) for request in await privacy_requests(session, open_only=open_only)]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("request")
def request_data(
    tenant: TenantKey,
    kind: Annotated[PrivacyRequestKind, typer.Argument(metavar="KIND", help="export 或 erasure。")],
    person: Person,
    login: Login,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a copy or the erasure of one's own data, or for somebody as one who decides.

    例 example: steward privacy request huaxin export zhao@hx.example --login zhao@hx.example
    """

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        user_id = await named(session, PERSON, person)
        made = await open_privacy_request(session, kind, user_id, reason=reason)
        return {"id": str(made.id), "kind": made.kind, "status": made.status}

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("copy")
def copy(tenant: TenantKey, request: Request, login: Login, reason: Reason = None, as_json: AsJson = False) -> None:
    """Grant a request for a copy: a file that waits for the person. As a tenant admin.

    例 example: steward privacy copy huaxin 019a0000-0000-7000-8000-000000000000 --login admin@huaxin.example
    """

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        store = make_file_store(settings)
        file = await copy_personal_data(database, store, who.tenant.id, who.actor, request, reason=reason)
        return {"file_id": str(file.id), "name": file.name, "size": file.size, "expires_at": file.expires_at}

    show([work(task)], as_json=as_json)


@app.command("erase")
def erase(
    tenant: TenantKey,
    request: Request,
    login: Login,
    reason: Reason = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Grant a request for erasure, for good. As a tenant admin.

    例 example: steward privacy erase huaxin 019a0000-0000-7000-8000-000000000000 --login admin@huaxin.example --yes
    """
    confirm("彻底删除此人的个人信息？不可撤销。 Erase this person's data for good?", yes)

    async def task(database: Database, settings: Settings) -> dict[str, Any]:
        who = await acting(database, settings, tenant, login)
        await erase_personal_data(database, who.tenant.id, who.actor, request, reason=reason)
        return {"id": str(request), "status": "done"}

    show([work(task)], as_json=as_json)


@app.command("refuse")
def refuse(
    tenant: TenantKey,
    request: Request,
    reason: Annotated[str, typer.Option("--reason", help="原因。Why.")],
    login: Login,
    as_json: AsJson = False,
) -> None:
    """Refuse a request, saying why. As a tenant admin.

    例 example: steward privacy refuse huaxin 019a0000-0000-7000-8000-000000000000 --reason 合同未结清 --login
    admin@huaxin.example
    """

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        refused = await refuse_privacy_request(session, request, reason=reason)
        return {"id": str(refused.id), "status": refused.status}

    show([writing(tenant, login, task)], as_json=as_json)
