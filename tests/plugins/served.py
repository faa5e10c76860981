"""Finding what a line of a domain file names: `form:vpn_group.members_now` is a field of a form of the plugin, and so
on. What is not there is an error that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from steward_core.forms.declared import fields_of
from steward_core.industry.declarations import Industry
from steward_core.industry.registry import core_indicators, core_triggers, form_of
from steward_core.promises.templates import FOLLOW_UPS

Find = Callable[[Industry, str], Any]


def _form(industry: Industry, name: str) -> Any:
    form, _, field = name.partition(".")
    found = form_of(f"{industry.key}.{form}")
    return {one.name: one for one in fields_of(found)}[field] if field else found


def _trigger(industry: Industry, name: str) -> Any:
    prefix, _, key = name.rpartition(".")
    return {one.key: one for one in (core_triggers(prefix) if prefix else industry.triggers)}[key]


def _indicator(industry: Industry, name: str) -> Any:
    prefix, _, key = name.rpartition(".")
    return {one.key: one for one in (core_indicators(prefix) if prefix else industry.indicators)}[key]


def _promise(industry: Industry, name: str) -> Any:
    """`fault_response=30 calendar_minutes`."""
    key, _, figures = name.partition("=")
    found = {one.key: one for one in industry.promises}[key]
    assert f"{found.limit} {found.clock}" == figures
    return found


def _cadence(industry: Industry, name: str) -> Any:
    """`star_5=1 week`."""
    key, _, figures = name.partition("=")
    found = {one.key: one for one in industry.cadences}[key]
    assert f"{found.every} {found.unit}" == figures
    return found


def _setting(industry: Industry, name: str) -> Any:
    """`satisfaction_at_most=2`."""
    path, _, figure = name.partition("=")
    found: Any = industry.settings()
    for part in path.split("."):
        found = getattr(found, part)
    assert str(found) == figure
    return path


def _keyed(attribute: str) -> Find:
    return lambda industry, name: {one.key: one for one in getattr(industry, attribute)}[name]


def _template(industry: Industry, name: str) -> Any:
    return {f"{one.kind}/{one.key}": one for one in industry.templates}[name]


def _follow_up(_industry: Industry, name: str) -> Any:
    return {one.key: one for one in FOLLOW_UPS.rules}[name]


_FINDERS: Mapping[str, Find] = {
    "form": _form,
    "trigger": _trigger,
    "indicator": _indicator,
    "promise": _promise,
    "cadence": _cadence,
    "setting": _setting,
    "template": _template,
    "follow_up": _follow_up,
    "kind": _keyed("kinds"),
    "tier": _keyed("tiers"),
    "trade": _keyed("trades"),
    "advisor": _keyed("advisors"),
    "grading": _keyed("gradings"),
    "field": _keyed("fields"),
    "metric": _keyed("metrics"),
}


def find(industry: Industry, named: str) -> Any:
    """What `named` names. Raises KeyError, FormNotFound, AssertionError for another figure."""
    sort, _, name = named.partition(":")
    return _FINDERS[sort](industry, name)


def forms_fields(form: str, names: str) -> tuple[str, ...]:
    """The fields of a form, from their names with blanks between."""
    return tuple(f"form:{form}.{name}" for name in names.split())
