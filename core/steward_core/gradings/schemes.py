"""Finding grading schemes that are enabled here, and the scoring functions of the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from steward_core.gradings.errors import RuleVersionMissing
from steward_core.gradings.form import GradingForm
from steward_core.industry.declarations import Graded, GradingScheme
from steward_core.industry.enabled import enabled
from steward_core.industry.errors import SchemeNotFound
from steward_core.industry.registry import full_key
from steward_tenants.database.session import TenantSession

Decide = Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], Sequence[Graded]]


def plugin_of(key: str) -> str:
    """The plugin whose scheme this full key names."""
    return key.partition(".")[0]


async def scheme_here(session: TenantSession, key: str) -> tuple[GradingScheme, Any]:
    """The scheme of this full key (`<plugin>.<scheme>`), whose plugin is on here, and the plugin's settings.

    Raises SchemeNotFound. `registry.scheme_of` finds schemes of plugins that are off, for results of the past.
    """
    for one in await enabled(session):
        for scheme in one.industry.gradings:
            if full_key(one.key, scheme.key) == key:
                return scheme, one.settings
    raise SchemeNotFound(scheme=key)


def rules_of(scheme: GradingScheme, version: int) -> Decide:
    """The scoring function of a rule version. Raises RuleVersionMissing."""
    if version == scheme.rule_version:
        return scheme.decide
    if version not in scheme.past_rules:
        raise RuleVersionMissing(version=version)
    return scheme.past_rules[version]


def form_key(key: str, scheme: GradingScheme) -> str:
    """The full key of the form that the results of the scheme `key` are records of."""
    return full_key(plugin_of(key), scheme.form.about.key)


def grading_form(scheme: GradingScheme) -> type[GradingForm]:
    """The scheme's form. Raises TypeError when it is no GradingForm: a mistake of the plugin."""
    if not issubclass(scheme.form, GradingForm):
        raise TypeError(f"the form of grading scheme {scheme.key} must extend GradingForm")
    return scheme.form
