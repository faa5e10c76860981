"""Loading plugins: who cannot be used is named with every reason, and keeps nobody else from working."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import SecretStr

from steward_core.forms.fields import field
from steward_core.forms.form import Form, FormInfo, SubjectKind
from steward_core.imports.targets import TARGETS
from steward_core.industry import registry
from steward_core.industry.declarations import (
    Cadence,
    Importer,
    Kind,
    NavigationItem,
    PluginSettings,
    PromiseDeclaration,
    Schedule,
)
from steward_core.industry.errors import (
    AdvisorNotFound,
    FormNotFound,
    ImporterNotFound,
    IndicatorNotFound,
    PluginNotInstalled,
    SchemeNotFound,
    TriggerNotFound,
)
from steward_core.industry.hookspecs import hookimpl
from steward_core.industry.validation import IMPORT_TARGETS, mistakes_in
from steward_tenants.texts import Bilingual
from tests.core.industry import orchard

TITLE = Bilingual("标题", "Title")


def places(**changes: Any) -> list[str]:
    """Where a changed declaration has mistakes."""
    return [mistake.en.partition(":")[0] for mistake in mistakes_in(replace(orchard.INDUSTRY, **changes))]


def test_a_registered_plugin_is_found_by_every_full_key() -> None:
    with registry.registered(orchard.plugin()):
        assert registry.industries()["orchard"].industry == orchard.INDUSTRY
        assert registry.form_of("orchard.harvest") is orchard.Harvest
        assert registry.forms()["orchard.grade"] is orchard.Grade
        assert registry.trigger_of("orchard.due").rows is orchard.due_orchards
        assert registry.indicator_of("orchard.owned").measure == "clients"
        assert registry.scheme_of("orchard.yearly").form is orchard.Grade
        assert registry.importer_of("orchard.ledger").columns == {"水果": "fruit"}
        assert registry.advisor_of("orchard.frost").question is orchard.Weather
    assert "orchard" not in registry.industries()


def test_what_nobody_declares_is_not_found() -> None:
    lookups = {
        registry.form_of: FormNotFound,
        registry.trigger_of: TriggerNotFound,
        registry.indicator_of: IndicatorNotFound,
        registry.scheme_of: SchemeNotFound,
        registry.importer_of: ImporterNotFound,
        registry.advisor_of: AdvisorNotFound,
        registry.industry_of: PluginNotInstalled,
    }
    with registry.registered(orchard.plugin()):
        for look, error in lookups.items():
            for key in ("orchard.nothing", "nobody.due", "", "."):
                with pytest.raises(error):
                    look(key)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Has modules with these texts count as installed distributions."""
    found: list[EntryPoint] = []
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "entry_points", lambda **_options: EntryPoints(found))

    def install(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        found.append(EntryPoint(name, name, "steward.industry"))
        registry.forget()

    yield install
    for entry in found:
        sys.modules.pop(entry.name, None)
    registry.forget()


GOOD = """
from steward_core.industry.declarations import Industry
from steward_core.industry.hookspecs import hookimpl
from steward_tenants.texts import Bilingual

@hookimpl
def industry():
    return Industry("KEY", Bilingual("行业", "Industry"), "1.0", Bilingual("说明", "About"))
"""


def test_who_cannot_be_loaded_is_named_and_the_others_work(installed: Any) -> None:
    installed("one_good", GOOD.replace("KEY", "one_good"))
    installed("two_raises", "raise RuntimeError('no network')")
    installed("three_exits", "raise SystemExit(3)")
    installed("four_says_nothing", "x = 1")
    installed("five_no_industry", GOOD.replace("return Industry", "return lambda *a: (Industry)"))
    installed("six_taken", GOOD.replace("KEY", "one_good"))
    installed("seven_unknown_hook", GOOD.replace("KEY", "seven") + "\n@hookimpl\ndef fly():\n    pass\n")
    installed("eight_bad_hook", GOOD.replace("KEY", "eight") + "\n@hookimpl\ndef check_client(nothing):\n    pass\n")
    installed("nine_good", GOOD.replace("KEY", "nine_good"))
    assert set(registry.industries()) == {"one_good", "nine_good"}
    refused = {one.name: one.reasons for one in registry.broken()}
    assert set(refused) == {
        "two_raises",
        "three_exits",
        "four_says_nothing",
        "five_no_industry",
        "six_taken",
        "seven_unknown_hook",
        "eight_bad_hook",
    }
    assert "no network" in refused["two_raises"][0].en
    assert "taken" in refused["six_taken"][0].en
    assert all(reason.zh and reason.en for reasons in refused.values() for reason in reasons)


def test_no_plugin_can_wrap_another_ones_hooks() -> None:
    calls: list[str] = []

    def wrap(settings: Any, client: Any) -> Any:
        calls.append("called")
        answer = yield
        return answer

    meddler = orchard.other("meddler")
    meddler.check_client = hookimpl(wrap, wrapper=True)
    mine = orchard.plugin(hooks={"check_client": lambda **_values: []})
    with registry.registered(mine, meddler):
        assert registry.industries()["orchard"].call("check_client", settings=None, client={}) == []
    assert calls == []


def test_all_mistakes_of_a_declaration_are_named_at_once() -> None:
    assert places() == []
    assert places(
        key="Bad Key",
        version="soon",
        title=Bilingual("", "Orchards"),
        kinds=(Kind("orchard", TITLE), Kind("orchard", TITLE), Kind("Bad", Bilingual("标题", ""))),
        importers=(),
        navigation=(NavigationItem("menu", TITLE, "form:nothing"),),
        schedules=(Schedule("often", TITLE, "grading:yearly", "every day"),),
    ) == [
        "key",
        "version",
        "title",
        "kinds.Bad",
        "kinds.Bad",
        "kinds",
        "navigation.menu",
        "schedules.often",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "0 3 1 1 *",
        " 0  3 1 1,7 * ",
        "first working day 09:00",
        "Last friday of quarter or previous working day 18:00",
        "quarter end 20:00",
        "day 31 or next working day 08:00",
    ],
)
@pytest.mark.parametrize(
    "task", ["grading:yearly", "grading:orchard.yearly", "grading:mill.monthly", "clients.contracts_end"]
)
def test_schedules_keep_to_cron_lines_or_calendar_words(rule: str, task: str) -> None:
    assert places(schedules=(Schedule("often", TITLE, task, rule),), requires=("mill",)) == []


@pytest.mark.parametrize(
    ("task", "rule"),
    [
        ("grading:yearly", "first working day"),
        ("grading:yearly", "first workday 09:00"),
        ("grading:yearly", "last working day or next working day 09:00"),
        ("grading:yearly", "0 25 * * *"),
        ("grading:yearly", "0 0 30 2 *"),
        ("grading:yearly", "0 3 * *"),
        ("grading:yearly", ""),
        ("grading:yearly", "0 3 " + "1," * 100 + "1 * *"),
        ("grading:monthly", "0 3 * * *"),
        ("grading:", "0 3 * * *"),
        ("grading:other.yearly", "0 3 * * *"),
        ("grading:mill.", "0 3 * * *"),
        ("yearly", "0 3 * * *"),
        ("upkeep.tenant", "0 3 * * *"),
    ],
)
def test_what_no_scheduler_could_do_is_a_mistake(task: str, rule: str) -> None:
    assert places(schedules=(Schedule("often", TITLE, task, rule),), requires=("mill",)) == ["schedules.often"]


def test_what_is_no_declaration_is_a_mistake() -> None:
    assert "NoneType" in mistakes_in(None)[0].en


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"key": "clients"}, "key"),
        ({"requires": ("orchard",)}, "requires"),
        ({"requires": ("mill",), "conflicts": ("mill",)}, "requires"),
        ({"gradings": (replace(orchard.INDUSTRY.gradings[0], rule_version=0),)}, "gradings.yearly"),
        ({"gradings": (replace(orchard.INDUSTRY.gradings[0], kinds=()),)}, "gradings.yearly"),
        ({"forms": (orchard.Harvest,)}, "gradings.yearly"),
        ({"importers": (Importer("x", TITLE, "moon", {"a": "b"}),)}, "importers.x"),
        ({"importers": (Importer("xx", TITLE, "form:mill.flour", {"a": "b"}),)}, "importers.xx"),
        ({"importers": (Importer("xx", TITLE, "client", {}),)}, "importers.xx"),
        ({"cadences": (Cadence("cc", TITLE, 0, "day"),)}, "cadences.cc"),
        ({"cadences": (Cadence("cc", TITLE, 1, "day", kinds=("moon",)),)}, "cadences.cc"),
        ({"promises": (PromiseDeclaration("pp", TITLE, "t", "working_days", 2, 3),)}, "promises.pp"),
        ({"forms": (orchard.Harvest, orchard.Grade, orchard.Harvest)}, "forms"),
    ],
)
def test_a_mistake_is_named_with_its_place(changes: dict[str, Any], place: str) -> None:
    assert place in places(**changes)


def test_a_form_without_titles_is_a_mistake() -> None:
    class Untitled(Form):
        about: ClassVar[FormInfo] = FormInfo("untitled", TITLE, SubjectKind.CLIENT)
        fruit: str = ""

    assert "forms.untitled" in places(forms=(*orchard.INDUSTRY.forms, Untitled))


def test_settings_have_titles_and_defaults_that_hold_and_secrets_of_their_own() -> None:
    class Bad(PluginSettings):
        untitled: int = 1
        needed: Annotated[int, field("必填", "Needed")]
        tokens: Annotated[tuple[SecretStr, ...], field("密钥", "Keys")] = ()

    class Wrong(PluginSettings):
        trees: Annotated[int, field("果树", "Trees")] = "many"  # type: ignore[assignment]

    assert places(settings=Bad) == ["settings.untitled", "settings.needed", "settings.tokens"]
    assert places(settings=Wrong) == ["settings.trees"]


def test_plugins_that_require_each_other_in_a_circle_are_left_out(installed: Any) -> None:
    with (
        pytest.raises(ValueError, match="circle"),
        registry.registered(orchard.other("mill", requires=("bakery",)), orchard.other("bakery", requires=("mill",))),
    ):
        pass
    with (
        pytest.raises(ValueError, match="conflicts"),
        registry.registered(orchard.other("mill", requires=("bakery",)), orchard.other("bakery", conflicts=("mill",))),
    ):
        pass
    with registry.registered(orchard.other("bakery", requires=("mill",))):
        assert set(registry.industries()) == {"bakery"}


def test_a_registered_plugin_with_mistakes_is_refused_and_leaves_nothing(installed: Any) -> None:
    with pytest.raises(ValueError, match="version"), registry.registered(orchard.plugin(version="new")):
        pass
    assert registry.industries() == {}
    assert registry.broken() == ()


def test_the_package_of_a_plugin_is_where_its_hooks_stand() -> None:
    with registry.registered(orchard.plugin()):
        assert registry.industries()["orchard"].package == "tests"
    assert isinstance(sys.modules["tests"], ModuleType)


def test_the_import_targets_that_importers_may_name_are_those_that_there_are() -> None:
    assert set(TARGETS) == IMPORT_TARGETS
