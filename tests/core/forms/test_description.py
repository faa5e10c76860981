"""What a form says of itself: fields, mistakes, JSON Schema, problems in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator

from steward_core.forms.description import (
    ValueType,
    check_form,
    field_by_name,
    fields_of,
    json_schema,
    problems_of,
)
from steward_core.forms.documents import Filled, filled_or_problems, prepare_documents
from steward_core.forms.fields import Text, field
from steward_core.forms.form import Form, FormInfo, Several, SubjectKind
from steward_core.industry.declarations import PluginSettings
from steward_tenants.access.fields import PHONE
from steward_tenants.texts import Bilingual
from tests.core.forms.workshop import FORMS, Card, Inspection, Mood

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def about(**values: Any) -> FormInfo:
    return FormInfo("bad", Bilingual("坏表单", "Bad form"), SubjectKind.CLIENT, **values)


def test_types_limits_and_choices_are_read_from_the_model() -> None:
    fields = field_by_name(Inspection)
    assert {name: one.type.value for name, one in fields.items()} == {
        "subject": "text",
        "found": "body",
        "machine": "text",
        "machines": "integer",
        "cost": "money",
        "share": "percent",
        "volume": "decimal",
        "stars": "integer",
        "next_on": "date",
        "seen_at": "datetime",
        "urgent": "boolean",
        "mood": "choice",
        "moods": "choices",
        "tags": "list",
        "parts": "rows",
        "phone": "text",
        "each": "integer",
        "fraction": "decimal",
    }
    assert fields["subject"].required
    assert not fields["subject"].nullable
    assert fields["subject"].limits.most_length == 200
    assert fields["found"].nullable
    assert fields["stars"].limits.most == 5
    assert fields["share"].limits.places == 4
    assert fields["tags"].limits.most_length == 5
    assert [option.value for option in fields["mood"].choices] == ["good", "bad"]
    assert [one.name for one in fields["parts"].fields] == ["name", "number"]
    assert fields["each"].computed
    assert fields["each"].filterable
    assert fields["moods"].default == []
    assert fields_of(Inspection) is fields_of(Inspection)


def test_the_sample_forms_have_no_mistakes() -> None:
    assert [check_form(form) for form in FORMS] == [()] * len(FORMS)


def test_every_mistake_of_a_form_is_named_at_once() -> None:
    class Loose(BaseModel):
        note: Annotated[Text, field("备注", "Note")]

    class Bad(Form):
        about: ClassVar[FormInfo] = about(title_field="phone", slot_field="nothing", version=1, upgrades={1: dict})
        untitled: str
        ratio: Annotated[float, field("比例", "Ratio")]
        secret: Annotated[SecretStr, field("密钥", "Secret")]
        kind: Annotated[Literal["a"], field("类别", "Kind")]
        phone: Annotated[str, field("电话", "Phone", masked=PHONE)]
        lines: Annotated[list[dict[str, str]], field("明细", "Lines")]
        loose: Annotated[list[Loose], field("宽松", "Loose rows")]

    mistakes = check_form(Bad)
    told = " ".join(mistake.en for mistake in mistakes)
    for name in ("untitled", "ratio", "secret", "kind", "lines", "loose", "title_field", "slot_field", "upgrades"):
        assert name in told
    assert all(CHINESE.search(one.zh) and not CHINESE.search(one.en) for one in mistakes)


def test_a_masked_field_cannot_be_filterable() -> None:
    with pytest.raises(ValueError, match="cannot be filterable"):
        field("电话", "Phone", masked=PHONE, filterable=True)


def test_a_form_without_about_is_refused() -> None:
    class Nameless(Form):
        note: Annotated[Text, field("备注", "Note")]

    assert "about" in check_form(Nameless)[0].en


def test_slots_by_a_field_need_one() -> None:
    class Slots(Form):
        about: ClassVar[FormInfo] = about(several=Several.FIELD)
        note: Annotated[Text, field("备注", "Note")]

    assert "slot_field" in check_form(Slots)[0].en


@pytest.mark.parametrize("form", FORMS)
def test_the_schema_is_valid_2020_12(form: type[Form]) -> None:
    schema = json_schema(form)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for one in schema["properties"].values():
        assert CHINESE.search(one["title"])
        assert one["x-title"]["zh-CN"] == one["title"]
        assert not CHINESE.search(one["x-title"]["en"])


def test_the_schema_speaks_both_languages() -> None:
    zh, en = json_schema(Inspection), json_schema(Inspection, "en")
    assert (zh["title"], en["title"]) == ("设备巡检", "Inspection")
    assert zh["properties"]["mood"]["oneOf"][0] == {
        "const": "good",
        "title": "良好",
        "x-title": {"zh-CN": "良好", "en": "Good"},
    }
    assert zh["properties"]["mood"]["oneOf"][-1]["const"] is None
    assert en["properties"]["found"]["description"] == "Say where"
    assert zh["properties"]["found"]["x-hint"] == {"zh-CN": "写明位置", "en": "Say where"}
    assert zh["properties"]["found"]["x-widget"] == "body"
    assert zh["properties"]["subject"]["x-filterable"] is True
    assert zh["properties"]["phone"]["x-masked"] == "phone"
    assert zh["properties"]["each"]["readOnly"] is True
    assert zh["required"] == ["subject"]
    assert zh["properties"]["urgent"]["default"] is False


def test_settings_have_a_schema_too() -> None:
    class Figures(PluginSettings):
        days: Annotated[int, Field(ge=1, le=90), field("天数", "Days")] = 30
        key: Annotated[SecretStr | None, field("密钥", "Key")] = None

    schema = json_schema(Figures)
    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["days"]["minimum"] == 1
    assert schema["properties"]["key"]["x-type"] == "secret"


def wrong(values: dict[str, Any]) -> dict[tuple[str, ...], tuple[str, Bilingual]]:
    outcome = filled_or_problems(Inspection, values)
    assert isinstance(outcome, list)
    return {one.path: (one.code, one.message) for one in outcome}


def test_every_bad_field_is_named_in_both_languages() -> None:
    found = wrong(
        {
            "machines": -1,
            "cost": "viel",
            "share": "101",
            "volume": "1.23456",
            "stars": 2.5,
            "next_on": "31.12.2026",
            "seen_at": "2026-11-05T09:30:00",
            "urgent": "vielleicht",
            "mood": "strange",
            "moods": ["good", "odd"],
            "tags": ["a"] * 6,
            "parts": [{"name": "轴承"}, {"name": "", "number": "x", "colour": "red"}],
            "found": "x" * 4001,
            "phone": 13800000000,
            "other": 1,
        }
    )
    assert {path: code for path, (code, _) in found.items()} == {
        ("subject",): "required",
        ("machines",): "range",
        ("cost",): "integer",
        ("share",): "range",
        ("volume",): "digits",
        ("stars",): "integer",
        ("next_on",): "date",
        ("seen_at",): "refused",
        ("urgent",): "boolean",
        ("mood",): "choice",
        ("moods", "1"): "choice",
        ("tags",): "length",
        ("parts", "1", "name"): "length",
        ("parts", "1", "number"): "integer",
        ("parts", "1", "colour"): "unknown",
        ("found",): "length",
        ("phone",): "text",
        ("other",): "unknown",
    }
    assert all(CHINESE.search(text.zh) and not CHINESE.search(text.en) for _, text in found.values())
    assert "良好（good）" in found[("mood",)][1].zh
    assert "Good (good)" in found[("mood",)][1].en
    assert "“配件”第 2 项" in found[("parts", "1", "name")][1].zh


def test_a_forms_own_validators_speak_both_languages() -> None:
    assert wrong({"subject": "紧急", "urgent": True})[()] == (
        "refused",
        Bilingual("紧急情况须写明发现。", "An urgent inspection says what was found."),
    )


def test_what_a_validator_says_in_one_language_is_replaced() -> None:
    class Terse(Form):
        about: ClassVar[FormInfo] = about()
        note: Annotated[Text, field("备注", "Note")]

        @field_validator("note")
        @classmethod
        def _no(cls, value: str) -> str:
            raise ValueError(f"nope: {value}")

    with pytest.raises(ValidationError) as caught:
        Terse(note="x")
    problem = problems_of(caught.value, Terse)[0]
    assert problem.path == ("note",)
    assert "nope" not in problem.message.en
    assert problems_of(caught.value)[0].path == ("note",)


def test_a_validator_that_breaks_is_contained() -> None:
    class Broken(Form):
        about: ClassVar[FormInfo] = about()
        note: Annotated[Text, field("备注", "Note")]

        @field_validator("note")
        @classmethod
        def _break(cls, value: str) -> str:
            return value[len(value)]

    outcome = filled_or_problems(Broken, {"note": "x"})
    assert isinstance(outcome, list)
    assert outcome[0].code == "form_failed"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"note": "a\0b"}, "characters"),
        ({"note": "\ud800"}, "characters"),
        ({"note": "x" * 10_000_000}, "length"),
        ({"note": None}, "text"),
        ({"note": ["x"]}, "text"),
    ],
)
def test_what_cannot_be_kept_is_refused(values: dict[str, Any], code: str) -> None:
    outcome = filled_or_problems(Card, values)
    assert isinstance(outcome, list)
    assert [one.code for one in outcome] == [code]


def test_documents_have_a_size() -> None:
    class Loose(Form):
        about: ClassVar[FormInfo] = about()
        note: Annotated[str, field("备注", "Note")]

    outcome = filled_or_problems(Loose, {"note": "长" * 10_000_000})
    assert isinstance(outcome, list)
    assert outcome[0].code == "too_large"


def test_many_rows_are_prepared_at_once() -> None:
    prepared = prepare_documents(Card, [{"note": "一"}, {}, {"note": "三"}])
    assert prepared.documents == [{"note": "一"}, {"note": "三"}]
    assert list(prepared.problems) == [1]


def decimals(**limits: Any) -> st.SearchStrategy[Any]:
    return st.decimals(allow_nan=False, allow_infinity=False, **limits)


WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), include_characters="𠮷你好"),
    min_size=1,
    max_size=40,
)
DOCUMENTS = st.fixed_dictionaries(
    {"subject": WORDS},
    optional={
        "found": st.none() | WORDS,
        "machine": st.none() | WORDS,
        "machines": st.integers(0, 10**12),
        "cost": st.none() | st.integers(0, 10**15),
        "share": st.none() | decimals(min_value=0, max_value=100, places=4),
        "volume": st.none() | decimals(min_value=0, max_value=10**9, places=3),
        "stars": st.none() | st.integers(1, 5),
        "next_on": st.none() | st.dates(),
        "seen_at": st.none() | st.datetimes(timezones=st.timezones()),
        "mood": st.none() | st.sampled_from(list(Mood)),
        "moods": st.lists(st.sampled_from([mood.value for mood in Mood]), max_size=4),
        "tags": st.lists(WORDS, max_size=5),
        "parts": st.lists(st.fixed_dictionaries({"name": WORDS, "number": st.integers(0, 9)}), max_size=3),
        "phone": st.none() | WORDS,
    },
)


@given(DOCUMENTS)
def test_valid_documents_meet_the_schema(values: dict[str, Any]) -> None:
    outcome = filled_or_problems(Inspection, values)
    assert isinstance(outcome, Filled)
    Draft202012Validator(json_schema(Inspection)).validate({**outcome.document, **outcome.computed})


@given(
    st.dictionaries(
        st.sampled_from([*Inspection.model_fields, "x"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=5,
        ),
    )
)
def test_nonsense_is_named_and_never_breaks(values: dict[str, Any]) -> None:
    outcome = filled_or_problems(Inspection, values)
    if isinstance(outcome, list):
        assert outcome
        assert all(one.message.zh and one.message.en and one.code != "form_failed" for one in outcome)
    else:
        assert list(_texts(outcome.document)) == [text for text in _texts(outcome.document) if "\0" not in text]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def test_types_are_neutral() -> None:
    assert {one.value for one in ValueType} >= {"text", "body", "integer", "decimal", "money", "percent", "date"}


def test_a_whole_number_without_limits_still_fits_the_database() -> None:
    class Wide(Form):
        about: ClassVar[FormInfo] = about()
        number: Annotated[int | None, field("数字", "Number")] = None

    assert isinstance(filled_or_problems(Wide, {"number": 2**63 - 1}), Filled)
    assert isinstance(filled_or_problems(Wide, {}), Filled)
    outcome = filled_or_problems(Wide, {"number": 2**63})
    assert isinstance(outcome, list)
    assert (outcome[0].path, outcome[0].code) == (("number",), "range")
