"""Whether what a plugin declares holds together. All mistakes are found at once, each with the place that it is in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from steward_core.forms.description import check_form, fields_of
from steward_core.industry.declarations import (
    Cadence,
    GradingScheme,
    Importer,
    Industry,
    PluginSettings,
    PromiseDeclaration,
    Schedule,
)
from steward_core.industry.plugin_settings import mentions_secret
from steward_core.schedules.rules import read_rule
from steward_core.schedules.tasks import GRADING, TASKS
from steward_tenants.errors import InvalidInput
from steward_tenants.texts import Bilingual

KEY = re.compile(r"[a-z][a-z0-9_]{1,40}")
PART_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,62}")
"""Tiers and trades are known by what companies call them (`A`, `3`)."""
VERSION = re.compile(r"\d+(\.\d+){0,3}")
RESERVED = frozenset({"core", "clients", "custom", "visits", "steward"})
"""Prefixes of the core's own."""
IMPORT_TARGETS = frozenset({"client", "contact", "contract", "product", "client_product", "arrears", "fact"})
KEYED = (
    "kinds",
    "tiers",
    "trades",
    "metrics",
    "triggers",
    "indicators",
    "cadences",
    "promises",
    "templates",
    "importers",
    "navigation",
    "schedules",
    "fields",
    "advisors",
    "gradings",
)
LOOSE = frozenset({"tiers", "trades"})
VIEWS = {"form": "forms", "trigger": "triggers", "indicator": "indicators", "grading": "gradings"}

Mistakes = tuple[Bilingual, ...]


def _mistake(place: str, zh: str, en: str) -> Bilingual:
    return Bilingual(f"{place}：{zh}", f"{place}: {en}")


def mistakes_in(industry: object) -> Mistakes:
    """Every mistake of a declaration; none when the plugin can be used."""
    if not isinstance(industry, Industry):
        found = type(industry).__name__
        return (_mistake("industry", f"应返回 Industry，而不是 {found}。", f"it answers {found}, not an Industry."),)
    return tuple(_of(industry))


def mistakes_together(industries: Mapping[str, Industry]) -> dict[str, Mistakes]:
    """Plugins that can never be enabled because they require each other in a circle, or one that they exclude."""
    found: dict[str, Mistakes] = {}
    for key, industry in industries.items():
        needed = _needed(industries, industry.requires)
        if key in needed:
            found[key] = (_mistake("requires", "插件之间循环依赖。", "plugins require each other in a circle."),)
        elif clash := sorted(_clashes(industries, {key, *needed})):
            named = ", ".join(clash)
            found[key] = (
                _mistake("requires", f"所依赖的插件互相冲突：{named}。", f"what it requires conflicts: {named}."),
            )
    return found


def _needed(industries: Mapping[str, Industry], required: Iterable[str]) -> set[str]:
    """What is required, and what that requires in turn."""
    needed: set[str] = set()
    waiting = list(required)
    while waiting:
        key = waiting.pop()
        if key not in needed:
            needed.add(key)
            waiting.extend(industries[key].requires if key in industries else ())
    return needed


def _clashes(industries: Mapping[str, Industry], together: set[str]) -> set[str]:
    return {other for key in together if key in industries for other in industries[key].conflicts if other in together}


def _of(industry: Industry) -> Iterator[Bilingual]:
    yield from _head(industry)
    yield from _settings(industry.settings)
    yield from _keys_and_titles(industry)
    yield from _forms(industry)
    yield from _references(industry)
    for scheme in industry.gradings:
        yield from _scheme(industry, scheme)
    for importer in industry.importers:
        yield from _importer(industry, importer)
    for cadence in industry.cadences:
        yield from _cadence(industry, cadence)
    for promise in industry.promises:
        yield from _promise(promise, industry.settings)
    for advisor in industry.advisors:
        yield from _model(f"advisors.{advisor.key}", advisor.question)


def _head(industry: Industry) -> Iterator[Bilingual]:
    key = industry.key
    if not KEY.fullmatch(str(key)):
        yield _mistake("key", "应为小写字母、数字和下划线。", "lower-case letters, digits and underscores, please.")
    elif key in RESERVED:
        yield _mistake("key", f"{key} 为平台保留。", f"{key} is the platform's own.")
    if not VERSION.fullmatch(industry.version):
        yield _mistake("version", "应形如 1.2.3。", "it looks like 1.2.3.")
    yield from _texts("title", industry.title)
    yield from _texts("description", industry.description)
    for name in {*industry.requires} & {*industry.conflicts}:
        yield _mistake("requires", f"{name} 同时被依赖和排斥。", f"{name} is both required and excluded.")
    if key in industry.requires or key in industry.conflicts:
        yield _mistake("requires", "不能依赖或排斥自身。", "a plugin neither requires nor excludes itself.")


def _texts(place: str, title: object) -> Iterator[Bilingual]:
    if not isinstance(title, Bilingual) or not title.zh.strip() or not title.en.strip():
        yield _mistake(place, "须有中英文两种文字。", "it needs a text in Chinese and one in English.")


def _settings(model: type[PluginSettings]) -> Iterator[Bilingual]:
    yield from _model("settings", model)
    for name, field in model.model_fields.items():
        if field.is_required():
            yield _mistake(f"settings.{name}", "须有默认值。", "it needs a default.")
        if mentions_secret(field.annotation) and not _plain_secret(field.annotation):
            yield _mistake(f"settings.{name}", "密钥只能单独成项。", "a secret is a setting of its own.")
    try:
        if not any(field.is_required() for field in model.model_fields.values()):
            model()
    except ValidationError as error:
        for one in error.errors(include_input=False, include_url=False):
            path = ".".join(map(str, ("settings", *one["loc"])))
            yield _mistake(path, f"默认值无效（{one['type']}）。", f"its default does not hold ({one['msg']}).")


def _plain_secret(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return set(get_args(annotation)) == {SecretStr, NoneType}
    return annotation is SecretStr


def _model(place: str, model: type[BaseModel]) -> Iterator[Bilingual]:
    for field in fields_of(model):
        yield from _texts(f"{place}.{field.name}", field.text.title if field.text else None)


def _keys_and_titles(industry: Industry) -> Iterator[Bilingual]:
    for part in KEYED:
        declared = getattr(industry, part)
        pattern = PART_KEY if part in LOOSE else KEY
        for one in declared:
            if not pattern.fullmatch(str(one.key)):
                yield _mistake(f"{part}.{one.key}", "标识格式有误。", "this is no key.")
            yield from _texts(f"{part}.{one.key}", one.title)
            if getattr(one, "description", None) is not None:
                yield from _texts(f"{part}.{one.key}.description", one.description)
        yield from _repeated(part, [one.key for one in declared if not hasattr(one, "on")])
        yield from _repeated(part, [f"{one.on}.{one.key}" for one in declared if hasattr(one, "on")])
    yield from _repeated("tiers.rank", [str(tier.rank) for tier in industry.tiers])


def _repeated(place: str, keys: Sequence[str]) -> Iterator[Bilingual]:
    for key, times in Counter(keys).items():
        if times > 1:
            yield _mistake(place, f"{key} 重复声明。", f"{key} is declared more than once.")


def _forms(industry: Industry) -> Iterator[Bilingual]:
    yield from _repeated("forms", [form.about.key for form in industry.forms])
    for form in industry.forms:
        for mistake in check_form(form):
            yield _mistake(f"forms.{form.about.key}", mistake.zh, mistake.en)


def _references(industry: Industry) -> Iterator[Bilingual]:
    """What the parts say of each other."""
    known = {part: {one.key for one in getattr(industry, part)} for part in ("triggers", "indicators", "gradings")}
    known["forms"] = {form.about.key for form in industry.forms}
    for item in industry.navigation:
        sort, _, key = item.view.partition(":")
        if sort not in VIEWS or key not in known[VIEWS[sort]]:
            yield _mistake(f"navigation.{item.key}", f"没有 {item.view}。", f"there is no {item.view}.")
    for schedule in industry.schedules:
        yield from _schedule(industry, schedule)
    for place, freshness in enumerate(industry.freshness):
        if freshness.basic_months < 1 or freshness.personal_months < 1:
            yield _mistake(f"freshness.{place}", "月数至少为 1。", "months are at least 1.")


def _schedule(industry: Industry, schedule: Schedule) -> Iterator[Bilingual]:
    """A rule that schedules know, and a task that they can do: a grading of the plugin's own or of one that it
    requires, or a declared task that is not the platform's."""
    place = f"schedules.{schedule.key}"
    try:
        read_rule(schedule.rule)
    except InvalidInput as error:
        yield from (_mistake(place, one.message.zh, one.message.en) for one in error.problems)
    plugin, _, scheme = schedule.task.removeprefix(GRADING).rpartition(".")
    if not schedule.task.startswith(GRADING):
        task = TASKS.get(schedule.task)
        known = task is not None and task.own
    elif plugin in ("", industry.key):
        known = scheme in {one.key for one in industry.gradings}
    else:
        known = bool(scheme) and plugin in industry.requires
    if not known:
        yield _mistake(place, f"没有任务 {schedule.task}。", f"there is no task {schedule.task}.")


def _scheme(industry: Industry, scheme: GradingScheme) -> Iterator[Bilingual]:
    place = f"gradings.{scheme.key}"
    if scheme.form not in industry.forms:
        yield _mistake(place, "其表单不属于本插件。", "its form is not among the plugin's.")
    if scheme.rule_version < 1 or scheme.rule_version in scheme.past_rules:
        yield _mistake(place, "规则版本有误。", "its rule version is below 1, or among the past ones.")
    if not scheme.kinds:
        yield _mistake(place, "须指明客户类型。", "it names no kinds of clients.")


def _importer(industry: Industry, importer: Importer) -> Iterator[Bilingual]:
    place = f"importers.{importer.key}"
    sort, _, form = importer.target.partition(":")
    plugin, _, key = form.partition(".")
    if sort != "form":
        known = importer.target in IMPORT_TARGETS
    elif plugin == industry.key:
        known = key in {one.about.key for one in industry.forms}
    else:
        known = bool(key) and plugin in industry.requires
    if not known:
        yield _mistake(place, f"没有导入目标 {importer.target}。", f"there is no import target {importer.target}.")
    if not importer.columns:
        yield _mistake(place, "没有列。", "it maps no columns.")


def _cadence(industry: Industry, cadence: Cadence) -> Iterator[Bilingual]:
    if cadence.every < 1:
        yield _mistake(f"cadences.{cadence.key}", "间隔至少为 1。", "at least every 1.")
    kinds = {kind.key for kind in industry.kinds}
    if industry.kinds and not industry.requires and (unknown := sorted(set(cadence.kinds) - kinds)):
        named = ", ".join(unknown)
        yield _mistake(f"cadences.{cadence.key}", f"没有客户类型 {named}。", f"there is no kind {named}.")


def _promise(promise: PromiseDeclaration, settings: type[PluginSettings]) -> Iterator[Bilingual]:
    if promise.setting is not None and promise.setting not in settings.model_fields:
        setting = promise.setting
        yield _mistake(f"promises.{promise.key}", f"没有设置项 {setting}。", f"there is no setting {setting}.")
    if promise.limit < 1 or (promise.warn_at is not None and not 0 < promise.warn_at <= promise.limit):
        yield _mistake(f"promises.{promise.key}", "时限或预警有误。", "its limit or warning is out of range.")
