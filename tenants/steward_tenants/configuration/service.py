"""Changing a tenant's settings and facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.orm.exc import StaleDataError

from steward_tenants.access.permissions import SETTINGS_MANAGE, SIGNIN_POLICY
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.configuration.errors import SettingChangedMeanwhile, SettingNotFound
from steward_tenants.configuration.models import TenantSetting
from steward_tenants.configuration.queries import TenantFacts, facts, tenant_row
from steward_tenants.configuration.rules import (
    locale_problem,
    name_problem,
    origin_problems,
    time_zone_problem,
)
from steward_tenants.configuration.settings import SETTINGS, Setting, follow_setting
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.directory.models import PasswordProfile
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual


def _declared(key: str) -> Setting[Any]:
    setting = SETTINGS.get(key)
    if setting is None:
        raise SettingNotFound(key=key)
    return setting


def _validated(setting: Setting[Any], value: Any) -> Any:
    try:
        return setting.adapter.validate_python(value)
    except ValidationError as error:
        raise InvalidInput(
            problems=[
                FieldProblem(
                    ("value", *(str(part) for part in item["loc"])),
                    item["type"],
                    Bilingual(f"“{setting.title.zh}”的值不可用：{item['msg']}", f"{setting.title.en}: {item['msg']}"),
                )
                for item in error.errors(include_url=False, include_input=False)
            ]
        ) from None


@command("configuration.setting.set", "修改设置", "Change a setting", permission=None)
async def set_setting(session: WriteSession, key: str, value: Any, *, expected_version: int | None = None) -> None:
    """Give a setting another value. Needs the permission that the setting names.

    `expected_version` is the version that was read (0: the default). Raises SettingNotFound, Forbidden, InvalidInput,
    SettingChangedMeanwhile.
    """
    setting = _declared(key)
    require(session.actor, setting.permission)
    stored = setting.adapter.dump_python(_validated(setting, value), mode="json")
    row = await session.find(TenantSetting, TenantSetting.key == key, lock=True)
    if expected_version is not None and expected_version != (row.version if row else 0):
        raise SettingChangedMeanwhile
    before = row.value if row else setting.adapter.dump_python(setting.default, mode="json")
    if row is None:
        session.add(TenantSetting(key=key, value=stored, changed_by=session.actor.id))
    else:
        row.value, row.changed_by, row.changed_at = stored, session.actor.id, datetime.now(UTC)
    await record(session, "configuration.setting.set", Subject("setting"), before={key: before}, after={key: stored})
    await follow_setting(session, key)


@command("configuration.setting.reset", "恢复默认设置", "Reset a setting", permission=None)
async def reset_setting(session: WriteSession, key: str) -> None:
    """Go back to the declared default. Raises SettingNotFound, Forbidden."""
    setting = _declared(key)
    require(session.actor, setting.permission)
    row = await session.find(TenantSetting, TenantSetting.key == key, lock=True)
    default = setting.adapter.dump_python(setting.default, mode="json")
    before = default if row is None else row.value
    if row is not None:
        await session.delete(row)
    await record(session, "configuration.setting.reset", Subject("setting"), before={key: before}, after={key: default})
    await follow_setting(session, key)


async def change_facts(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    *,
    name: str | None = None,
    locale: str | None = None,
    time_zone: str | None = None,
    expected_version: int | None = None,
    request_id: str = "",
) -> TenantFacts:
    """Change the name, language or time zone of the tenant; None leaves a fact alone. Needs `settings.manage`.

    Raises Forbidden, InvalidInput (naming every bad field), SettingChangedMeanwhile.
    """
    require(actor, SETTINGS_MANAGE)
    found = [
        name_problem(name) if name is not None else None,
        locale_problem(locale) if locale is not None else None,
        time_zone_problem(time_zone) if time_zone is not None else None,
    ]
    _refuse([problem for problem in found if problem])
    changes = {"name": name, "locale": locale, "time_zone": time_zone}
    return await _change(
        database,
        tenant_id,
        actor,
        action="configuration.facts.change",
        changes=changes,
        expected_version=expected_version,
        request_id=request_id,
    )


async def change_signin_policy(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    *,
    password_profile: PasswordProfile | str | None = None,
    second_factor_required: bool | None = None,
    allowed_origins: list[str] | None = None,
    expected_version: int | None = None,
    request_id: str = "",
) -> TenantFacts:
    """Change how people sign in, and which web pages may call; None leaves it alone. Needs `signin.policy`.

    Raises Forbidden, InvalidInput (naming every bad field), SettingChangedMeanwhile.
    """
    require(actor, SIGNIN_POLICY)
    problems = origin_problems(allowed_origins or [])
    if password_profile is not None and password_profile not in set(PasswordProfile):
        text = Bilingual("口令策略须为 modern 或 djbh3。", "The profile is modern or djbh3.")
        problems.append(FieldProblem(("password_profile",), "unknown", text))
    _refuse(problems)
    changes = {
        "password_profile": None if password_profile is None else str(password_profile),
        "second_factor_required": second_factor_required,
        "allowed_origins": allowed_origins,
    }
    return await _change(
        database,
        tenant_id,
        actor,
        action="configuration.signin_policy.change",
        changes=changes,
        expected_version=expected_version,
        request_id=request_id,
    )


def _refuse(problems: list[FieldProblem]) -> None:
    if problems:
        raise InvalidInput(problems=problems)


async def _change(
    database: Database,
    tenant_id: UUID,
    actor: Actor,
    *,
    action: str,
    changes: dict[str, Any],
    expected_version: int | None,
    request_id: str,
) -> TenantFacts:
    """Change the directory's row. The tenant's audit event commits first: a crash in between leaves an event for a
    change that did not happen, never a change without its event; a repeat completes."""
    await database.status(tenant_id)  # so that the session below needs no second directory connection
    try:
        async with database.directory() as directory:
            row = await tenant_row(directory, tenant_id, lock=True)
            if expected_version is not None and row.version != expected_version:
                raise SettingChangedMeanwhile
            wanted = {name: value for name, value in changes.items() if value is not None}
            before = {name: getattr(row, name) for name in wanted}
            for name, value in wanted.items():
                setattr(row, name, value)
            await directory.flush()
            async with database.write(tenant_id, actor, request_id=request_id) as session:
                await record(session, action, Subject("tenant", tenant_id), before=before, after=wanted)
            changed = facts(row)
    except StaleDataError:
        raise SettingChangedMeanwhile from None
    return changed
