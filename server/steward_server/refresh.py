"""What an upgrade of the product brings to tenants that are already there: new permissions of
built-in roles, and schedules of the platform and of the plugins that are on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import and_, select

import steward_core.permissions  # noqa: F401 - templates are whole when every floor has extended them
from steward_core.industry.registry import industries
from steward_core.schedules.planning import BELLS, wake
from steward_core.schedules.provided import bring_plugin_schedules, ensure_system_schedules
from steward_tenants.access.models import Role, RolePermission
from steward_tenants.access.service import install_builtin_roles
from steward_tenants.access.templates import TEMPLATES
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Doorbell, Tenant, TenantStatus
from steward_tenants.errors import TenantNotFound
from steward_tenants.plugins.queries import enabled_plugins
from steward_tenants.structured_logs import structlog

UPGRADE = system("upgrade")
PRESENT = (TenantStatus.ACTIVE, TenantStatus.SUSPENDED, TenantStatus.DELETING)
log = structlog.get_logger(__name__)


async def refresh_builtin_roles(database: Database) -> int:
    """Bring the built-in roles of every tenant to the templates of this version, each tenant in a transaction of its
    own; answers how many differed. Again changes nothing. A tenant that is gone meanwhile is passed over."""
    done = 0
    for tenant_id in await _present(database):
        try:
            async with database.write(tenant_id, UPGRADE, even_suspended=True) as session:
                if not await _up_to_date(session):
                    await install_builtin_roles(session)
                    done += 1
        except TenantNotFound:
            log.warning("a tenant was gone before its roles were refreshed", tenant=str(tenant_id))
    return done


async def refresh_schedules(database: Database) -> int:
    """Bring the schedules that a tenant should have and has not, each tenant in a transaction of its own, and see that
    schedulers look at it; answers how many are new. Again changes nothing."""
    async with database.directory() as directory:
        watched = set(await directory.scalars(select(Doorbell.tenant_id).where(Doorbell.queue == BELLS).distinct()))
    done = 0
    for tenant_id in await _present(database):
        try:
            async with database.write(tenant_id, UPGRADE, even_suspended=True) as session:
                done += await ensure_system_schedules(session)
                for key in sorted(await enabled_plugins(session)):
                    if key in industries():
                        done += await bring_plugin_schedules(session, industries()[key].industry)
                if tenant_id not in watched:
                    await wake(session, datetime.now(UTC))
        except TenantNotFound:
            log.warning("a tenant was gone before its schedules were refreshed", tenant=str(tenant_id))
    return done


async def _present(database: Database) -> Sequence[UUID]:
    async with database.directory() as directory:
        found: Sequence[UUID] = await directory.scalars(
            select(Tenant.id).where(Tenant.status.in_(PRESENT)).order_by(Tenant.id)
        )
    return found


async def _up_to_date(session: WriteSession) -> bool:
    rows = await session.rows(
        select(Role.key, Role.title_zh, Role.title_en, RolePermission.permission)
        .outerjoin(RolePermission, and_(session.within(RolePermission), RolePermission.role_id == Role.id))
        .where(session.within(Role), Role.builtin)
    )
    here: dict[tuple[str, str, str], set[str]] = {}
    for key, zh, en, permission in map(tuple, rows):
        here.setdefault((key, zh, en), set()).update(() if permission is None else (permission,))
    return here == {(one.key, one.title.zh, one.title.en): set(one.permissions) for one in TEMPLATES.values()}
