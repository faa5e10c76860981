"""Reading a tenant's settings and facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, cast, select

from steward_tenants.configuration.models import TenantSetting
from steward_tenants.configuration.settings import SETTINGS, Setting
from steward_tenants.database.database import Database
from steward_tenants.database.pipeline import Pipelines, numbered
from steward_tenants.database.session import DirectorySession, TenantSession
from steward_tenants.directory.models import PasswordProfile, Tenant, TenantStatus
from steward_tenants.errors import TenantNotFound

T = TypeVar("T")


@dataclass(frozen=True)
class SettingState:
    """A setting with its value here. `changed_at` None: the declared default holds. `version` 0 likewise."""

    setting: Setting[Any]
    value: Any
    version: int = 0
    changed_at: datetime | None = None
    changed_by: UUID | None = None


async def get_setting(session: TenantSession, setting: Setting[T]) -> T:
    """The value of one setting here."""
    row = (
        await session.rows(
            select(TenantSetting.value).where(session.within(TenantSetting), TenantSetting.key == setting.key)
        )
    )[:1]
    return setting.parse(row[0][0]) if row else setting.default


@cache
def _setting_statement() -> tuple[bytes, tuple[str, ...]]:
    """The SQL, and the names of its parameters in order."""
    stored: Any = TenantSetting
    tenant, key = bindparam("tenant", type_=Uuid()), bindparam("key", type_=Text())
    sql, names, _ = numbered(select(cast(stored.value, Text)).where(stored.tenant_id == tenant, stored.key == key))
    return sql, names


async def get_setting_piped(pipelines: Pipelines, tenant_id: UUID, setting: Setting[T]) -> T:
    """The value of one setting in `tenant_id`, for those who ask all the time. Raises what `Pipelines.fetch` does."""
    sql, names = _setting_statement()
    given = {"tenant": str(tenant_id), "key": setting.key}
    rows = await pipelines.fetch(sql, [given[name].encode() for name in names], tenant_id)
    return setting.parse(json.loads(rows[0][0])) if rows and rows[0][0] is not None else setting.default


async def all_settings(session: TenantSession) -> Mapping[str, SettingState]:
    """Every declared setting with its value here, in order of key."""
    rows = await session.scalars(select(TenantSetting).where(session.within(TenantSetting)))
    stored: dict[str, TenantSetting] = {row.key: row for row in rows}
    states = {}
    for key in sorted(SETTINGS):
        setting, row = SETTINGS[key], stored.get(key)
        states[key] = (
            SettingState(setting, setting.default)
            if row is None
            else SettingState(setting, setting.parse(row.value), row.version, row.changed_at, row.changed_by)
        )
    return states


@dataclass(frozen=True)
class TenantFacts:
    """What the directory holds on a tenant."""

    id: UUID
    key: str
    name: str
    status: TenantStatus
    status_reason: str | None
    status_at: datetime
    delete_after: datetime | None
    locale: str
    time_zone: str
    password_profile: PasswordProfile
    second_factor_required: bool
    allowed_origins: tuple[str, ...]
    created_at: datetime
    version: int


def facts(tenant: Tenant) -> TenantFacts:
    """The facts of a directory row."""
    return TenantFacts(
        tenant.id,
        tenant.key,
        tenant.name,
        TenantStatus(tenant.status),
        tenant.status_reason,
        tenant.status_at,
        tenant.delete_after,
        tenant.locale,
        tenant.time_zone,
        PasswordProfile(tenant.password_profile),
        tenant.second_factor_required,
        tuple(tenant.allowed_origins),
        tenant.created_at,
        tenant.version,
    )


async def tenant_row(directory: DirectorySession, tenant: UUID | str, *, lock: bool = False) -> Tenant:
    """The directory's row of a tenant, by id or key. Raises TenantNotFound."""
    condition = Tenant.id == tenant if isinstance(tenant, UUID) else Tenant.key == tenant
    row = await directory.find(Tenant, condition, lock=lock)
    if row is None:
        raise TenantNotFound
    return row


async def tenant_facts(database: Database, tenant: UUID | str) -> TenantFacts:
    """The facts of one tenant, by id or key. Raises TenantNotFound."""
    async with database.directory() as directory:
        return facts(await tenant_row(directory, tenant))


async def all_tenants(database: Database) -> list[TenantFacts]:
    """The facts of every tenant, in order of key. For operators."""
    async with database.directory() as directory:
        rows = await directory.scalars(select(Tenant).order_by(Tenant.key))
    return [facts(row) for row in rows]
