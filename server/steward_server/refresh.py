"""What an upgrade of the product brings to tenants that are already there: their built-in roles' new permissions."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import and_, select

import steward_core.permissions  # noqa: F401 - templates are whole when every floor has extended them
from steward_tenants.access.models import Role, RolePermission
from steward_tenants.access.service import install_builtin_roles
from steward_tenants.access.templates import TEMPLATES
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import Tenant, TenantStatus
from steward_tenants.errors import TenantNotFound
from steward_tenants.structured_logs import structlog

UPGRADE = system("upgrade")
PRESENT = (TenantStatus.ACTIVE, TenantStatus.SUSPENDED, TenantStatus.DELETING)
log = structlog.get_logger(__name__)


async def refresh_builtin_roles(database: Database) -> int:
    """Bring the built-in roles of every tenant to the templates of this version, each tenant in a transaction of its
    own; answers how many differed. Again changes nothing. A tenant that is gone meanwhile is passed over."""
    async with database.directory() as directory:
        tenants: list[UUID] = list(
            await directory.scalars(select(Tenant.id).where(Tenant.status.in_(PRESENT)).order_by(Tenant.id))
        )
    done = 0
    for tenant_id in tenants:
        try:
            async with database.write(tenant_id, UPGRADE, even_suspended=True) as session:
                if not await _up_to_date(session):
                    await install_builtin_roles(session)
                    done += 1
        except TenantNotFound:
            log.warning("a tenant was gone before its roles were refreshed", tenant=str(tenant_id))
    return done


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
