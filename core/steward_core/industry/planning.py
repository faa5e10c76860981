"""The dry run: what enabling or upgrading a plugin would change for this tenant. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func, select

from steward_core.forms.description import fields_of, problems_of
from steward_core.forms.form import Form
from steward_core.forms.models import FormRecord
from steward_core.forms.upgrade import FailedRecord, dry_run
from steward_core.industry.contributed_rows import RowChanges, changes_of
from steward_core.industry.declarations import Industry
from steward_core.industry.overview import installation_of
from steward_core.industry.plugin_settings import known_values, secret_fields
from steward_core.industry.registry import Loaded, full_key, industries, industry_of
from steward_core.industry.settings_input import HEAD, below_settings
from steward_tenants.access.permissions import PLUGINS_MANAGE
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.database.vault import Unreadable
from steward_tenants.errors import FieldProblem, invalid
from steward_tenants.plugins.queries import plugin_switches
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class FormPlan:
    """What becomes of one form. `before` None: new here; `after` None: no longer declared, its records stay readable.

    `records`: how many have to be migrated, `failing` of them cannot be as they are (`examples` says why);
    `changed_fields`: whose values would differ in some record. `indexed`: the fields whose values go to the index.
    """

    key: str
    title: Bilingual
    before: int | None
    after: int | None
    records: int
    failing: int
    examples: tuple[FailedRecord, ...] = ()
    changed_fields: tuple[str, ...] = ()
    indexed: tuple[str, ...] = ()


@dataclass(frozen=True)
class SettingsPlan:
    """Settings that are new against what is stored (their defaults will hold), stored ones that the plugin no longer
    has, and what is wrong with the stored ones."""

    new: tuple[str, ...]
    removed: tuple[str, ...]
    problems: tuple[FieldProblem, ...]


@dataclass(frozen=True)
class PluginPlan:
    """What enabling or upgrading would do here. `before` None: the tenant never had the plugin.

    `missing`, `conflicting`: the plugins that stand in the way.
    """

    plugin: str
    title: Bilingual
    enabled: bool
    before: str | None
    after: str
    missing: tuple[str, ...]
    conflicting: tuple[str, ...]
    rows: Mapping[str, RowChanges]
    forms: tuple[FormPlan, ...]
    settings: SettingsPlan

    @property
    def changes(self) -> bool:
        """Whether anything would be different afterwards."""
        return (
            not self.enabled
            or self.before != self.after
            or any(one.any for one in self.rows.values())
            or any(one.before != one.after or one.records for one in self.forms)
            or bool(self.settings.removed)
        )


def missing_for(industry: Industry, on: frozenset[str]) -> tuple[str, ...]:
    """The plugins that this one requires and that are not on."""
    return tuple(sorted(set(industry.requires) - on))


def conflicting_with(industry: Industry, on: frozenset[str]) -> tuple[str, ...]:
    """The plugins that are on and exclude this one, or are excluded by it."""
    excluding = {
        key for key in on if (other := industries().get(key)) is not None and industry.key in other.industry.conflicts
    }
    return tuple(sorted((set(industry.conflicts) & on | excluding) - {industry.key}))


async def plan(session: TenantSession, key: str) -> PluginPlan:
    """What enabling this plugin, or upgrading it to its installed version, would change for this tenant.

    Raises Forbidden, PluginNotInstalled.
    """
    require(session.actor, PLUGINS_MANAGE)
    loaded = industry_of(key)
    industry = loaded.industry
    switches = await plugin_switches(session)
    on = frozenset(name for name, switch in switches.items() if switch.enabled)
    installation = await installation_of(session, key)
    stored = switches[key].settings if key in switches else None
    return PluginPlan(
        plugin=key,
        title=industry.title,
        enabled=key in on,
        before=installation.plugin_version if installation else None,
        after=industry.version,
        missing=missing_for(industry, on),
        conflicting=conflicting_with(industry, on),
        rows=await changes_of(session, industry),
        forms=await _form_plans(session, industry, installation.forms if installation else {}),
        settings=_settings_plan(session, loaded, stored),
    )


async def _form_plans(session: TenantSession, industry: Industry, installed: Mapping[str, int]) -> tuple[FormPlan, ...]:
    plans = [await _form_plan(session, industry.key, form, installed.get(form.about.key)) for form in industry.forms]
    declared = {form.about.key for form in industry.forms}
    for key in sorted(set(installed) - declared):
        name = full_key(industry.key, key)
        plans.append(FormPlan(name, Bilingual(name, name), installed[key], None, records=0, failing=0))
    return tuple(plans)


async def _form_plan(session: TenantSession, plugin: str, form: type[Form], before: int | None) -> FormPlan:
    name = full_key(plugin, form.about.key)
    indexed = tuple(field.name for field in fields_of(form) if field.filterable)
    records = await outdated_records(session, name, form.about.version)
    forecast = await dry_run(session, name) if records else None
    return FormPlan(
        key=name,
        title=form.about.title,
        before=before,
        after=form.about.version,
        records=records,
        failing=forecast.failing if forecast else 0,
        examples=forecast.examples if forecast else (),
        changed_fields=forecast.changed_fields if forecast else (),
        indexed=indexed,
    )


async def outdated_records(session: TenantSession, form: str, version: int) -> int:
    """How many records of a form (full key) an older version of it wrote."""
    found: int = await session.scalar(
        select(func.count()).where(
            session.within(FormRecord), FormRecord.form == form, FormRecord.form_version < version
        )
    )
    return found


def _settings_plan(session: TenantSession, loaded: Loaded, stored: Mapping[str, Any] | None) -> SettingsPlan:
    model = loaded.industry.settings
    given = stored or {}
    return SettingsPlan(
        new=tuple(name for name in model.model_fields if name not in given),
        removed=tuple(sorted(set(given) - set(model.model_fields))),
        problems=tuple(_stored_problems(session, loaded, given)),
    )


def _stored_problems(session: TenantSession, loaded: Loaded, stored: Mapping[str, Any]) -> list[FieldProblem]:
    key, model = loaded.industry.key, loaded.industry.settings
    try:
        model.model_validate(known_values(session, key, model, stored))
    except ValidationError as error:
        return below_settings(problems_of(error, model))
    except Unreadable:
        names = ".".join(sorted(secret_fields(model) & set(stored)))
        return list(
            invalid(
                f"{HEAD}.{names}",
                "unreadable",
                "已保存的密钥无法解密。",
                "A stored secret cannot be read any more.",
            ).problems
        )
    return []
