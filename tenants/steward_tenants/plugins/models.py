"""Plugin switches of a tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, version


class PluginSwitch(TenantTable):
    """One plugin in one tenant. `settings` is what the plugin's settings model validated; secrets are encrypted."""

    __tablename__ = "plugin_switch"

    plugin: Mapped[str] = mapped_column(primary_key=True)
    enabled: Mapped[bool] = mapped_column(server_default=text("false"))
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    changed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}
