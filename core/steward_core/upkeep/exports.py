"""An export of the whole tenant into its own file store, asked for by a person and made by a worker."""

from __future__ import annotations

from uuid import UUID

from steward_core.notifications.rules import declare_notice
from steward_core.notifications.service import notify
from steward_core.runs.drivers import RUNS, person
from steward_tenants.access.permissions import EXPORT_TENANT
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden
from steward_tenants.files.store import FileStore
from steward_tenants.lifecycle.rules import EXPORT_DAYS
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.service import enqueue
from steward_tenants.texts import Bilingual

EXPORT = "tenant.export"
NOTICE = "tenant.exported"
TITLE = Bilingual("租户数据导出已完成", "The export of the tenant is ready")
BODY = Bilingual(
    f"导出文件保存在文件库中，{EXPORT_DAYS} 天内可以下载，之后自动删除。",
    f"The file is in the file store; it can be fetched within {EXPORT_DAYS} days and is deleted after that.",
)

declare_notice(NOTICE, "租户数据导出已完成", "An export of the tenant is ready")


@command("tenant.export.request", "申请导出租户数据", "Ask for an export of the tenant", permission=EXPORT_TENANT)
async def request_export(session: WriteSession) -> UUID:
    """Have a worker export the tenant into its file store, for the person who asks; answers the job's id. Asking again
    while it waits changes nothing. Raises Forbidden, also for callers that are no person of the tenant."""
    require(session.actor, EXPORT_TENANT)
    if session.actor.kind is not ActorKind.USER:
        raise Forbidden
    user_id = session.actor.id
    job_id = await enqueue(session, EXPORT, {"user_id": user_id}, unique_key=str(user_id), queue=Queue.BULK)
    await record(session, "tenant.export.request", Subject("tenant", session.tenant_id))
    return job_id


async def export_for(database: Database, store: FileStore, tenant_id: UUID, user_id: UUID) -> UUID:
    """Make the export as the person that they are now, and tell them; answers the file's id.

    Raises DriverGone, Forbidden, TenantNotFound, TenantSuspended.
    """
    from steward_tenants.lifecycle.service import export_into_files  # noqa: PLC0415 - it brings alembic, 3 MB

    async with database.read(tenant_id, RUNS) as session:
        actor = await person(database, session, user_id)
    file = await export_into_files(database, store, tenant_id, actor)
    async with database.write(tenant_id, RUNS) as writing:
        await notify(
            writing, [user_id], NOTICE, title=TITLE, body=BODY, subject=Subject("file", file.id), key=str(file.id)
        )
    return file.id
