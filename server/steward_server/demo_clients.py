"""The clients of the demo companies: what their industry's plugin invents, taken in by the commands of an import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from steward_core.gradings.binding import bind
from steward_core.gradings.errors import GradingExists
from steward_core.gradings.service import request_grading
from steward_core.imports.in_memory import take_rows
from steward_core.industry.declarations import DemoWorld
from steward_core.industry.registry import full_key, industries
from steward_core.industry.service import enable
from steward_core.runs.service import RunTools, drive
from steward_tenants.access.queries import actor_of, today
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.directory.models import PlatformEvent, Tenant
from steward_tenants.lifecycle.operators import platform_event
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.plugins.queries import enabled_plugins

MADE = "demo.clients"
ROWS_AT_ONCE = 20_000
CATALOGUES = frozenset({"product"})
"""What the tenant's administration keeps, rather than those who look after clients."""


@dataclass(frozen=True)
class DemoIndustry:
    """Which industry a demo company is in, who brings its clients in, and which unit is graded (None: none)."""

    company: str
    plugin: str
    admin: str
    supervisor: str
    units: tuple[str, ...]
    managers: tuple[str, ...]
    graded_unit: str | None = None


async def ensure_clients(database: Database, demo: Actor, industry: DemoIndustry, tools: RunTools) -> bool:
    """Make the clients of one demo company, once; False when they were made before, or the plugin is not installed.

    Taking rows in again changes nothing, so what was interrupted is simply done again.
    """
    loaded = industries().get(industry.plugin)
    async with database.directory() as directory:
        tenant = await directory.find(Tenant, Tenant.key == industry.company)
        made = tenant is not None and await directory.scalar(
            select(PlatformEvent.id).where(PlatformEvent.tenant_id == tenant.id, PlatformEvent.action == MADE).limit(1)
        )
    if tenant is None or made or loaded is None or loaded.industry.demo is None:
        return False
    day = today(tenant.time_zone)
    admin = await _person(database, demo, tenant.id, industry.admin, day)
    supervisor = await _person(database, demo, tenant.id, industry.supervisor, day)
    if admin is None or supervisor is None:
        return False
    async with database.write(tenant.id, admin) as session:
        if industry.plugin not in await enabled_plugins(session):
            await enable(session, industry.plugin)
    data = loaded.industry.demo(DemoWorld(day, industry.units, industry.managers))
    for target, rows in data.items():
        for start in range(0, len(rows), ROWS_AT_ONCE):
            who = admin if target in CATALOGUES else supervisor
            async with database.write(tenant.id, who, timeout_ms=60_000) as session:
                await take_rows(session, target, rows[start : start + ROWS_AT_ONCE], today=day)
    if industry.graded_unit is not None:
        schemes = [full_key(industry.plugin, scheme.key) for scheme in loaded.industry.gradings]
        await _grade(database, tenant.id, supervisor, industry.graded_unit, schemes, day=day, tools=tools)
    async with database.directory() as directory:
        platform_event(directory, demo, MADE, tenant.id, {"plugin": industry.plugin})
    return True


async def _person(database: Database, demo: Actor, tenant_id: UUID, login: str, day: date) -> Actor | None:
    async with database.read(tenant_id, demo) as session:
        user = await session.find(User, User.login == login)
        return None if user is None else await actor_of(session, user, day)


async def _grade(
    database: Database,
    tenant_id: UUID,
    supervisor: Actor,
    unit_code: str,
    schemes: Sequence[str],
    *,
    day: date,
    tools: RunTools,
) -> None:
    for scheme in schemes:
        try:
            async with database.write(tenant_id, supervisor) as session:
                unit_id = await session.scalar(
                    select(OrgUnit.id).where(session.within(OrgUnit), OrgUnit.code == unit_code)
                )
                grading, run = await request_grading(session, scheme, unit_id, today=day)
        except GradingExists:
            continue
        await drive(database, tenant_id, supervisor, run.id, tools)
        async with database.write(tenant_id, supervisor) as session:
            await bind(session, grading.id, "演示数据", today=day)
