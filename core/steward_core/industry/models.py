"""What a tenant has of an industry plugin, and what went wrong in one."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, version


class PluginInstallation(TenantTable):
    """The version of a plugin that a tenant's data stand at; `forms` maps each form's key to its version here.

    The row stays when the plugin is disabled: its records do too.
    """

    __tablename__ = "plugin_installation"

    plugin: Mapped[str] = mapped_column(primary_key=True)
    plugin_version: Mapped[str]
    forms: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    installed_at: Mapped[datetime] = created()
    upgraded_at: Mapped[datetime | None]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class PluginFault(TenantTable):
    """A hook that failed: which, with what kind of error, how often. Nothing of the tenant's data is kept in it."""

    __tablename__ = "plugin_fault"
    __table_args__ = (
        UniqueConstraint("tenant_id", "plugin", "hook", "error", "place"),
        Index("ix_plugin_fault_tenant_id_last_at", "tenant_id", "last_at"),
    )

    id: Mapped[UUID] = identifier()
    plugin: Mapped[str]
    plugin_version: Mapped[str]
    hook: Mapped[str]
    error: Mapped[str]
    place: Mapped[str]
    times: Mapped[int] = mapped_column(server_default=text("1"))
    first_at: Mapped[datetime] = created()
    last_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    settled_at: Mapped[datetime | None]
