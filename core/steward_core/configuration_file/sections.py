"""The sections of a configuration file: how each is read from a tenant, and how one of its things is written.

Every section writes by the commands that people use, so that permissions, checks and audit are theirs.
"""

from __future__ import annotations

# ruff: noqa: ARG002 - all sections answer the same two calls
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from sqlalchemy import select

from steward_core.clients.metrics import metrics, save_metric
from steward_core.clients.policies import kinds, save_kind, save_tier, tiers
from steward_core.configuration_file.rules import ChangeKind, ConfigurationChange
from steward_core.custom_fields.models import CustomField
from steward_core.custom_fields.service import change_field, create_field, retire_field, revive_field
from steward_core.imports.models import ImportMapping
from steward_core.industry.plugin_settings import secret_fields
from steward_core.industry.registry import industries
from steward_core.industry.service import configure, enable
from steward_core.permissions import CUSTOM_FIELDS_MANAGE, POLICIES_MANAGE, RECORDS_IMPORT
from steward_tenants.access.models import Duty
from steward_tenants.access.permissions import (
    PLUGINS_MANAGE,
    ROLES_MANAGE,
    ROLES_VIEW,
    SETTINGS_MANAGE,
    UNITS_MANAGE,
    UNITS_VIEW,
    Permission,
)
from steward_tenants.access.role_queries import list_roles
from steward_tenants.access.service import create_role, edit_role
from steward_tenants.configuration.queries import all_settings
from steward_tenants.configuration.service import set_setting
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import invalid
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.organisation.queries import tree
from steward_tenants.organisation.service import change_unit, create_unit, move_unit
from steward_tenants.plugins.queries import plugin_switches

Values = Mapping[str, Any]
Here = dict[str, dict[str, Any]]


class Section(ABC):
    """`reads` is what exporting it needs, `writes` what applying it needs."""

    name: ClassVar[str]
    reads: ClassVar[Permission]
    writes: ClassVar[Permission]

    @abstractmethod
    async def here(self, session: TenantSession, today: date) -> Here:
        """What the tenant has, by key, in the order of the file."""

    @abstractmethod
    async def write(self, session: WriteSession, change: ConfigurationChange, wanted: Values, today: date) -> None:
        """Write one thing that was added or changed; `wanted` are its values. Raises what the command raises."""


class Units(Section):
    """Org units, parents before children."""

    name, reads, writes = "units", UNITS_VIEW, UNITS_MANAGE

    async def here(self, session: TenantSession, today: date) -> Here:
        nodes = await tree(session, today, today=today)
        codes = {node.id: node.code for node in nodes}
        return {
            node.code: {
                "code": node.code,
                "name": node.name,
                "kind": node.kind,
                "parent": codes.get(node.parent_id) if node.parent_id else None,
            }
            for node in nodes
        }

    async def write(self, session: WriteSession, change: ConfigurationChange, wanted: Values, today: date) -> None:
        parent = None if wanted["parent"] is None else await self._unit(session, wanted["parent"])
        if wanted["parent"] is not None and parent is None:
            raise invalid("parent", "unknown", "没有此代码的上级机构。", "No unit above has this code.")
        parent_id = None if parent is None else parent.id
        if change.kind is ChangeKind.ADDED:
            await create_unit(
                session,
                code=wanted["code"],
                name=wanted["name"],
                kind=wanted["kind"],
                parent_id=parent_id,
                today=today,
            )
            return
        unit = await self._unit(session, change.key)
        assert unit is not None
        if change.fields.keys() & {"name", "kind"}:
            await change_unit(
                session, unit.id, version=unit.version, name=wanted["name"], kind=wanted["kind"], today=today
            )
        if "parent" in change.fields:
            await move_unit(session, unit.id, parent_id=parent_id, on=today, today=today)

    async def _unit(self, session: WriteSession, code: str) -> OrgUnit | None:
        return await session.find(OrgUnit, OrgUnit.code == code)


class Roles(Section):
    """Roles of the tenant's own; built-in ones come with the platform."""

    name, reads, writes = "roles", ROLES_VIEW, ROLES_MANAGE

    async def here(self, session: TenantSession, today: date) -> Here:
        return {
            role.key: {
                "key": role.key,
                "title_zh": role.title_zh,
                "title_en": role.title_en,
                "duty": role.duty.value,
                "permissions": list(role.permissions),
            }
            for role in await list_roles(session, today)
            if not role.builtin
        }

    async def write(self, session: WriteSession, change: ConfigurationChange, wanted: Values, today: date) -> None:
        if change.kind is ChangeKind.ADDED:
            await create_role(
                session,
                key=wanted["key"],
                title_zh=wanted["title_zh"],
                title_en=wanted["title_en"],
                duty=Duty(wanted["duty"]),
                permissions=wanted["permissions"],
            )
            return
        if "duty" in change.fields:
            raise invalid("duty", "fixed", "角色的职责类别不能修改。", "A role's duty never changes.")
        role = next(role for role in await list_roles(session, today) if role.key == change.key)
        await edit_role(
            session,
            role.id,
            version=role.version,
            today=today,
            permissions=wanted["permissions"],
            title_zh=wanted["title_zh"],
            title_en=wanted["title_en"],
        )


class Plugins(Section):
    """Plugins that are on, without their secrets."""

    name, reads, writes = "plugins", PLUGINS_MANAGE, PLUGINS_MANAGE

    async def here(self, session: TenantSession, today: date) -> Here:
        return {
            key: {"key": key, "settings": self._told(key, switch.settings)}
            for key, switch in (await plugin_switches(session)).items()
            if switch.enabled
        }

    async def write(self, session: WriteSession, change: ConfigurationChange, wanted: Values, today: date) -> None:
        if given := sorted(wanted["settings"].keys() & self._secret(change.key)):
            raise invalid(
                f"settings.{given[0]}",
                "secret",
                "密钥不能写在配置文件中，请单独配置。",
                "Secrets do not stand in a file; configure them apart.",
            )
        if change.kind is ChangeKind.ADDED:
            await enable(session, change.key, settings=wanted["settings"])
            return
        before = change.fields["settings"][0] or {}
        await configure(
            session, change.key, wanted["settings"], reset=sorted(before.keys() - wanted["settings"].keys())
        )

    def _told(self, key: str, stored: Values) -> dict[str, Any]:
        """Settings that may leave the tenant: of a plugin that is gone none, for nobody knows its secrets apart."""
        secret = self._secret(key) if key in industries() else stored.keys()
        return {name: value for name, value in stored.items() if name not in secret}

    def _secret(self, key: str) -> frozenset[str]:
        loaded = industries().get(key)
        return frozenset() if loaded is None else secret_fields(loaded.industry.settings)


class Tiers(Section):
    """Tiers of the tenant's own; a plugin brings its own."""

    name, reads, writes = "tiers", UNITS_VIEW, POLICIES_MANAGE

    async def here(self, session: TenantSession, today: date) -> Here:
        return {
            line.key: {
                "key": line.key,
                "title_zh": line.title.zh,
                "title_en": line.title.en,
                "rank": line.rank,
                "retired": line.retired,
            }
            for line in await tiers(session, with_retired=True)
            if not line.plugin
        }

    async def write(self, session: WriteSession, change: ConfigurationChange, wanted: Values, today: date) -> None:
        await save_tier(
            session,
            wanted["key"],
            title_zh=wanted["title_zh"],
            title_en=wanted["title_en"],
            rank=wanted["rank"],
            retired=wanted["retired"],
        )


class Kinds(Section):
    """Kinds of clients of the tenant's own."""

    name, reads, writes = "kinds", UNITS_VIEW, POLICIES_MANAGE

    async def here(self, session: TenantSession, today: date) -> Here:
        return {
            line.key: {
                "key": line.key,
                "title_zh": line.title.zh,
                "title_en": line.title.en,
                "retired": line.retired,
            }
            for line in await kinds(session, with_retired=True)
            if not line.plugin
        }

    async def write(self, session: WriteSession, change: ConfigurationChange, wanted: Values, today: date) -> None:
        await save_kind(
            session,
            wanted["key"],
            title_zh=wanted["title_zh"],
            title_en=wanted["title_en"],
            retired=wanted["retired"],
        )


class Metrics(Section):
    """Metrics of the tenant's own."""

    name, reads, writes = "metrics", UNITS_VIEW, POLICIES_MANAGE
    _fields = ("key", "title_zh", "title_en", "measure", "grain", "additive", "retired")

    async def here(self, session: TenantSession, today: date) -> Here:
        return {
            metric.key: {name: getattr(metric, name) for name in self._fields}
            for metric in await metrics(session, retired=True)
            if not metric.plugin
        }

    async def write(self, session: WriteSession, change: ConfigurationChange, wanted: Values, today: date) -> None:
        await save_metric(session, wanted["key"], {name: wanted[name] for name in self._fields if name != "key"})


class Settings(Section):
    """Settings that differ from their defaults: the tenant's policies among them."""

    name, reads, writes = "settings", UNITS_VIEW, SETTINGS_MANAGE

    async def here(self, session: TenantSession, today: date) -> Here:
        return {
            key: {"value": state.setting.adapter.dump_python(state.value, mode="json")}
            for key, state in (await all_settings(session)).items()
            if state.version
        }

    async def write(self, session: WriteSession, change: ConfigurationChange, wanted: Values, today: date) -> None:
        await set_setting(session, change.key, wanted["value"])


class CustomFields(Section):
    """Custom fields, in their order."""

    name, reads, writes = "custom_fields", UNITS_VIEW, CUSTOM_FIELDS_MANAGE
    _defined = ("title_zh", "title_en", "hint_zh", "hint_en", "rules", "filterable")

    async def here(self, session: TenantSession, today: date) -> Here:
        statement = select(CustomField).where(session.within(CustomField))
        rows = await session.scalars(statement.order_by(CustomField.target, CustomField.place, CustomField.key))
        return {
            f"{row.target}/{row.key}": {
                name: getattr(row, name) for name in ("target", "key", "type", *self._defined, "retired")
            }
            for row in rows
        }

    async def write(self, session: WriteSession, change: ConfigurationChange, wanted: Values, today: date) -> None:
        values = {name: wanted[name] for name in self._defined}
        if change.kind is ChangeKind.ADDED:
            field = await create_field(session, wanted["target"], wanted["key"], wanted["type"], values)
        else:
            if "type" in change.fields:
                raise invalid("type", "fixed", "字段类型不能修改。", "A field's type never changes.")
            found = await session.find(
                CustomField, CustomField.target == wanted["target"], CustomField.key == wanted["key"]
            )
            assert found is not None
            field = found
            changes = {name: values[name] for name in change.fields if name in values}
            if changes:
                await change_field(session, field.id, changes)
        if field.retired != wanted["retired"]:
            await (retire_field if wanted["retired"] else revive_field)(session, field.id)


class ImportMappings(Section):
    """Saved mappings of import files."""

    name, reads, writes = "import_mappings", RECORDS_IMPORT, RECORDS_IMPORT

    async def here(self, session: TenantSession, today: date) -> Here:
        statement = select(ImportMapping).where(session.within(ImportMapping))
        rows = await session.scalars(statement.order_by(ImportMapping.target, ImportMapping.name))
        return {
            f"{row.target}/{row.name}": {
                "target": row.target,
                "name": row.name,
                "columns": dict(row.columns),
                "options": dict(row.options),
            }
            for row in rows
        }

    async def write(self, session: WriteSession, change: ConfigurationChange, wanted: Values, today: date) -> None:
        # Mappings name fields of targets that plugins bring, and those come with the import machinery.
        from steward_core.imports.service import save_mapping  # noqa: PLC0415

        await save_mapping(
            session, wanted["target"], wanted["name"], columns=wanted["columns"], options=wanted["options"]
        )


SECTIONS: tuple[Section, ...] = (
    Units(),
    Roles(),
    Plugins(),
    Tiers(),
    Kinds(),
    Metrics(),
    Settings(),
    CustomFields(),
    ImportMappings(),
)
"""In the order in which they are applied: later ones may refer to earlier ones."""
