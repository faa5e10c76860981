"""Asking the plugins that a tenant has enabled. Whoever needs an industry's word asks here, never a plugin.

Hooks and declared queries run contained (`containment`): a plugin that fails is kept as a fault, the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError

from steward_core.forms.description import problems_of
from steward_core.industry.containment import Fault, Outcome, contained, fault_counts, fault_of, faults, note
from steward_core.industry.declarations import Advice
from steward_core.industry.enabled import (
    Enabled,
    Standing,
    enabled,
    enabled_form,
    enabled_plugin,
    forget_enabled,
    standing,
)
from steward_core.industry.errors import AdvisorNotFound, PluginFailed
from steward_core.industry.evaluation import (
    ComputedField,
    IndicatorFound,
    IndicatorRow,
    TriggerFound,
    TriggerRow,
    computed_fields,
    computed_values,
    indicator_rows,
    indicators,
    trigger_rows,
    triggers,
)
from steward_core.industry.registry import industry_of
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import FieldProblem, InvalidInput

__all__ = [
    "ComputedField",
    "Enabled",
    "Fault",
    "IndicatorFound",
    "IndicatorRow",
    "Outcome",
    "Standing",
    "TriggerFound",
    "TriggerRow",
    "ask",
    "check_client",
    "check_clients",
    "check_record",
    "check_records",
    "computed_fields",
    "computed_values",
    "contained",
    "enabled",
    "enabled_form",
    "enabled_plugin",
    "fault_counts",
    "faults",
    "forget_enabled",
    "indicator_rows",
    "indicators",
    "settings_problems",
    "standing",
    "trigger_rows",
    "triggers",
]

Values = Mapping[str, Any]


async def check_client(session: TenantSession, values: Values) -> list[FieldProblem]:
    """What the enabled plugins have against a client that is about to be saved; `values`: its columns by name."""
    return (await check_clients(session, [values]))[0]


async def check_clients(session: TenantSession, clients: Sequence[Values]) -> list[list[FieldProblem]]:
    """`check_client` for many, in one savepoint for each plugin; answers in the order given."""
    found: list[list[FieldProblem]] = [[] for _ in clients]
    for one in await enabled(session):
        if one.loaded.implements("check_client"):
            calls = [_call(one, "check_client", client=client) for client in clients]
            await _collect(session, one, "check_client", calls, found)
    return found


async def check_record(
    session: TenantSession, key: str, values: Values, client: Values | None = None
) -> list[FieldProblem]:
    """What a form's own plugin has against a record beyond what its model says; `key` is the form's full key.

    `client` holds the columns of the client that it is about, where there is one. A form whose plugin is not on here
    is not checked.
    """
    return (await check_records(session, key, [(values, client)]))[0]


async def check_records(
    session: TenantSession, key: str, records: Sequence[tuple[Values, Values | None]]
) -> list[list[FieldProblem]]:
    """`check_record` for many records of one form, in one savepoint; answers in the order given."""
    found: list[list[FieldProblem]] = [[] for _ in records]
    plugin, _, form = key.partition(".")
    for one in await enabled(session):
        if one.key == plugin and one.loaded.implements("check_record"):
            calls = [_call(one, "check_record", form=form, values=values, client=client) for values, client in records]
            await _collect(session, one, "check_record", calls, found)
    return found


async def settings_problems(session: TenantSession, plugin: str, before: Any, after: Any) -> list[FieldProblem]:
    """What a plugin has against its new settings, which its model has accepted. Raises PluginFailed: settings that a
    plugin could not look at are not saved."""
    loaded = industry_of(plugin)
    if not loaded.implements("settings_changed"):
        return []
    outcome = await contained(
        session, plugin, "settings_changed", lambda: loaded.call("settings_changed", before=before, after=after)
    )
    if outcome.fault is not None:
        raise PluginFailed(plugin=plugin, hook="settings_changed")
    return _checked(outcome.value)


def _call(one: Enabled, hook: str, **values: Any) -> Callable[[], Any]:
    return lambda: one.loaded.call(hook, settings=one.settings, **values)


async def _collect(
    session: TenantSession,
    one: Enabled,
    hook: str,
    calls: Sequence[Callable[[], Any]],
    found: list[list[FieldProblem]],
) -> None:
    """Put each call's problems to those of its row. A call that fails has nothing to say of its row; of many that do,
    the first is kept as the fault."""
    failed: list[BaseException] = []

    def check() -> list[list[FieldProblem]]:
        return [_problems(call, failed) for call in calls]

    answers = await contained(session, one.key, hook, check)
    if failed:
        await note(session, fault_of(one.key, hook, failed[0]))
    for place, problems in enumerate(answers.value or ()):
        found[place].extend(problems)


def _problems(call: Callable[[], Any], failed: list[BaseException]) -> list[FieldProblem]:
    try:
        return _checked(call())
    except (Exception, SystemExit) as error:
        failed.append(error)
        return []


def _checked(answer: Any) -> list[FieldProblem]:
    problems = list(answer or ())
    for one in problems:
        if not isinstance(one, FieldProblem):
            raise TypeError(f"a check answers FieldProblem, not {type(one).__name__}")
    return problems


async def ask(session: TenantSession, advisor: str, question: Values) -> Advice:
    """The advice of an advisor (by full key) on a question, given as its model's fields.

    Raises AdvisorNotFound, InvalidInput naming every bad field, PluginFailed.
    """
    plugin, _, name = advisor.partition(".")
    one = next((one for one in await enabled(session) if one.key == plugin), None)
    known = next((each for each in one.industry.advisors if each.key == name), None) if one else None
    if one is None or known is None:
        raise AdvisorNotFound(advisor=advisor)
    try:
        asked = known.question.model_validate(question)
    except ValidationError as error:
        raise InvalidInput(problems=problems_of(error, known.question)) from None
    outcome = await contained(session, plugin, f"advisor:{name}", partial(known.answer, one.settings, asked))
    if not isinstance(outcome.value, Advice):
        raise PluginFailed(plugin=plugin, hook=f"advisor:{name}")
    return outcome.value
