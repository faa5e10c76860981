"""The jobs of regular work: a tenant's hourly upkeep, its audit log verified, its data exported."""

from __future__ import annotations

from uuid import UUID

from steward_core.upkeep.audit_watch import watch_audit
from steward_core.upkeep.exports import EXPORT, export_for
from steward_core.upkeep.tenant import keep_up_tenant
from steward_tenants.outbox.jobs import JobPlace, Payload, Queue, declare_job


async def upkeep_of_tenant(place: JobPlace, _payload: Payload) -> bool:
    """All of it; each part may be done again without harm."""
    await keep_up_tenant(place.database, place.tools.files, place.tenant_id)
    return True


async def verify_audit(place: JobPlace, _payload: Payload) -> bool:
    """The whole log, in one view of the data."""
    await watch_audit(place.database, place.tenant_id)
    return True


async def export_tenant_data(place: JobPlace, payload: Payload) -> bool:
    """The export that a person asked for."""
    await export_for(place.database, place.tools.files, place.tenant_id, UUID(payload["user_id"]))
    return True


declare_job("upkeep.tenant", "每小时整理", "Hourly upkeep", Queue.BULK, beside=upkeep_of_tenant, seconds=1800.0)
declare_job("audit.verify", "校验审计日志", "Verify the audit log", Queue.BULK, beside=verify_audit, seconds=7200.0)
declare_job(
    EXPORT, "导出租户数据", "Export the tenant", Queue.BULK, beside=export_tenant_data, seconds=7200.0, most_attempts=3
)
