"""What people give as a plugin's settings: laid over what is stored, and validated whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from steward_core.forms.description import problems_of
from steward_core.industry.declarations import PluginSettings
from steward_core.industry.dispatcher import settings_problems
from steward_core.industry.plugin_settings import known_values, opened
from steward_core.industry.registry import Loaded
from steward_tenants.database.session import WriteSession
from steward_tenants.database.vault import Unreadable
from steward_tenants.errors import FieldProblem, InvalidInput, invalid

HEAD = "settings"


async def accepted(
    session: WriteSession,
    loaded: Loaded,
    stored: Mapping[str, Any] | None,
    given: Mapping[str, Any],
    reset: Collection[str] = (),
) -> PluginSettings:
    """The settings that result when `given` is laid over what is stored (None: nothing yet), and the names in `reset`
    go back to their defaults.

    Raises InvalidInput naming every bad setting (`settings.<field>`), by the model's word and then by the plugin's;
    PluginFailed.
    """
    key, model = loaded.industry.key, loaded.industry.settings
    if unknown := [name for name in reset if name not in model.model_fields]:
        raise InvalidInput(problems=[_unknown(name) for name in unknown])
    staying = {name: value for name, value in (stored or {}).items() if name not in given and name not in reset}
    try:
        kept = known_values(session, key, model, staying)
    except Unreadable:
        raise invalid(
            HEAD,
            "unreadable",
            "已保存的密钥无法解密：请重新填写。",
            "A stored secret cannot be read any more: give it again.",
        ) from None
    try:
        settings = model.model_validate({**kept, **given})
    except ValidationError as error:
        raise InvalidInput(problems=below_settings(problems_of(error, model))) from None
    problems = await settings_problems(session, key, _before(session, loaded, stored), settings)
    if problems:
        raise InvalidInput(problems=below_settings(problems))
    return settings


def _before(session: WriteSession, loaded: Loaded, stored: Mapping[str, Any] | None) -> PluginSettings | None:
    """The settings so far; None when there were none, or they do not hold any more."""
    if stored is None:
        return None
    try:
        return opened(session, loaded.industry.key, loaded.industry.settings, stored)
    except (ValidationError, Unreadable):
        return None


def below_settings(problems: Collection[FieldProblem]) -> list[FieldProblem]:
    """The same problems, with paths that begin with `settings`."""
    return [FieldProblem((HEAD, *one.path), one.code, one.message) for one in problems]


def _unknown(name: str) -> FieldProblem:
    (problem,) = invalid(f"{HEAD}.{name}", "unknown", "没有这项设置。", "There is no such setting.").problems
    return problem
