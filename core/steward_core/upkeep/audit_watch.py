"""The audit log verified regularly, and those told who may see it when something is wrong with it."""

from __future__ import annotations

from uuid import UUID

from steward_core.approvals.people import holders_of
from steward_core.notifications.rules import declare_notice
from steward_core.notifications.service import notify
from steward_tenants.access.permissions import AUDIT_READ
from steward_tenants.access.queries import today
from steward_tenants.audit.report import VerificationReport
from steward_tenants.audit.verification import VERIFIER, verify
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.database.database import Database
from steward_tenants.texts import Bilingual

NOTICE = "audit.broken"
TITLE = Bilingual("审计日志校验未通过", "The audit log failed its verification")
BODY = Bilingual(
    "发现 {findings} 处异常：{texts} 请勿清理数据，立即联系平台运维人员核查。",
    "Findings: {findings}. {texts} Leave the data as it is and have the platform's operators look into it now.",
)
SHOWN = 3
"""Findings that a notice names; the report at the command line has all."""

declare_notice(NOTICE, "审计日志校验未通过", "The audit log failed its verification")


async def watch_audit(database: Database, tenant_id: UUID) -> VerificationReport:
    """Verify the tenant's log. When it is not intact, everybody who may see it gets a notice, once for each state that
    it is found in. Raises TenantNotFound, TenantSuspended."""
    report = await verify(database, tenant_id)
    if report.intact:
        return report
    zone = (await tenant_facts(database, tenant_id)).time_zone
    texts = [finding.text for finding in report.findings[:SHOWN]]
    values = {"findings": report.findings_total}
    zh, en = " ".join(text.zh for text in texts), " ".join(text.en for text in texts)
    body = Bilingual(BODY.zh.format(texts=zh, **values), BODY.en.format(texts=en, **values))
    async with database.write(tenant_id, VERIFIER) as session:
        people = await holders_of(session, AUDIT_READ, today(zone))
        key = f"{report.last_batch}.{report.findings_total}"
        await notify(session, people, NOTICE, title=TITLE, body=body, key=key)
    return report
