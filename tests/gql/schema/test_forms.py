"""Types of industry forms: their fields, and what they read from records whatever is stored there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from steward_core.industry.registry import industries
from steward_graphql.catalogue.forms import catalogue_of, concrete_of, fields_of_subjects, plural, root_name, type_name
from steward_graphql.catalogue.records import interface_fields
from steward_graphql.declared.entities import Value
from steward_graphql.declared.scalars import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    FEN,
    ID,
    INT,
    JSON,
    LONG,
    STRING,
    EnumKind,
)
from steward_tenants.database.database import Database
from tests.factories import make_tenant
from tests.gql.schema.forms import INDUSTRY
from tests.gql.schema.shelf import FULL, PHOTO, Shelf, everything


class TestTypes:
    """What types say."""

    def test_names(self) -> None:
        catalogue = catalogue_of(INDUSTRY)

        assert [one.name for one in catalogue.entities] == ["SortsEveryThing", "SortsCare", "SortsBranch"]
        assert [one.name for one in catalogue.roots] == ["sortsEveryThings", "sortsCares", "sortsBranches"]
        assert catalogue.plugin == "sorts"
        assert [one.entity for one in concrete_of(catalogue)] == ["SortsEveryThing", "SortsCare", "SortsBranch"]
        assert (type_name("telecom", "ip_request"), root_name("telecom", "ip_request")) == (
            "TelecomIpRequest",
            "telecomIpRequests",
        )

    @pytest.mark.parametrize(
        ("one", "many"), [("Survey", "Surveys"), ("Reply", "Replies"), ("Box", "Boxes"), ("Visit", "Visits")]
    )
    def test_plurals(self, one: str, many: str) -> None:
        assert plural(one) == many

    def test_every_field_of_the_interface_comes_first(self) -> None:
        common = [one.name for one in interface_fields()]

        assert [one.name for one in everything().fields][: len(common)] == common

    @pytest.mark.parametrize(
        ("name", "kind", "listed"),
        [
            ("name", STRING, False),
            ("note", STRING, False),
            ("stars", INT, False),
            ("big", LONG, False),
            ("price", FEN, False),
            ("weight", DECIMAL, False),
            ("share", DECIMAL, False),
            ("day", DATE, False),
            ("moment", DATETIME, False),
            ("open", BOOLEAN, False),
            ("odd", STRING, False),
            ("words", STRING, True),
            ("days", DATE, True),
            ("photo", ID, False),
            ("part", JSON, False),
            ("rows", JSON, False),
            ("phone", STRING, False),
            ("twice", LONG, False),
            ("titleValue", STRING, False),
        ],
    )
    def test_kinds(self, name: str, kind: Any, listed: bool) -> None:
        value = everything().value(name)

        assert (value.kind, value.listed, value.nullable) == (kind, listed, True)

    def test_closed_lists_are_enums(self) -> None:
        size, sizes = everything().value("size"), everything().value("sizes")

        assert isinstance(size.kind, EnumKind)
        assert size.kind.name == "SortsEveryThingSize"
        assert [key for key, _ in size.kind.members] == ["small", "very-large"]
        assert size.kind.members[0][1].en == "Small"
        assert sizes.kind.name == "SortsEveryThingSizes"
        assert sizes.listed

    def test_only_filterable_fields_are_filtered_and_sorted_by(self) -> None:
        own = [one for one in everything().fields[len(interface_fields()) :] if isinstance(one, Value)]

        assert {one.name for one in own if one.filter} == {
            *("name", "stars", "big", "price", "weight", "day", "moment", "open", "size", "odd", "sizes", "words"),
            "twice",
        }
        assert {one.name for one in own if one.order} == {
            *("name", "stars", "big", "price", "weight", "day", "moment", "odd", "twice"),
        }
        assert {one.name for one in own if one.masked} == {"phone", "mail", "number"}
        assert {one.name for one in own if one.aggregate} == {"stars", "big", "price", "weight", "share", "twice"}

    def test_texts_have_hints_and_units(self) -> None:
        assert everything().value("price").text.zh == "价格（不含税），单位为分"
        assert everything().value("price").text.en == "Price (Without tax), in fen"

    def test_what_forms_are_about_leads_to_their_records(self) -> None:
        found = fields_of_subjects(INDUSTRY)

        assert {name: [one.name for one in fields] for name, fields in found.items()} == {
            "Client": ["sortsEveryThings"],
            "Contact": ["sortsCares"],
            "OrgUnit": ["sortsBranches"],
        }
        assert all(one.filter for fields in found.values() for one in fields)

    def test_the_installed_plugins_have_a_type_for_each_form(self) -> None:
        for loaded in industries().values():
            catalogue = catalogue_of(loaded.industry)
            assert len(catalogue.entities) == len(loaded.industry.forms)
            assert len({one.name for one in catalogue.entities}) == len(catalogue.entities)


@pytest_asyncio.fixture(loop_scope="session")
async def shelf(database: Database) -> AsyncIterator[Shelf]:
    """A fresh tenant's."""
    yield Shelf(database, await make_tenant(database))


class TestValues:
    """What is read from records."""

    async def test_typed_values(self, shelf: Shelf) -> None:
        record = await shelf.put(FULL, indexed=True)

        assert await shelf.read(record, "name", "note", "stars", "big", "price", "weight", "share") == [
            '引号"与\\和换行',
            "备注",
            3,
            9007199254740993,
            123456,
            Decimal("12.500"),
            Decimal("33.3"),
        ]
        assert await shelf.read(record, "day", "moment", "open", "size", "odd", "photo", "titleValue") == [
            date(2026, 11, 5),
            datetime(2026, 11, 5, 1, 30, tzinfo=UTC),
            True,
            "very-large",
            "0.5",
            PHOTO,
            "标题",
        ]
        assert await shelf.read(record, "sizes", "words", "days", "part", "rows", "twice") == [
            ["small", "very-large"],
            ["甲", "乙"],
            [date(2026, 11, 5), date(2026, 11, 6)],
            {"brand": "牌"},
            [{"brand": "牌"}],
            18014398509481986,
        ]

    async def test_as_json(self, shelf: Shelf) -> None:
        record = await shelf.put(FULL, indexed=True)
        names = ("name", "stars", "big", "price", "weight", "day", "open", "size", "photo", "rows", "phone", "twice")

        found = await shelf.read(record, *names, as_json=True)

        assert [json.loads(text) for text in found] == [
            '引号"与\\和换行',
            3,
            "9007199254740993",
            "123456",
            "12.500",
            "2026-11-05",
            True,
            "VERY_LARGE",
            str(PHOTO),
            [{"brand": "牌"}],
            "••••1111",
            "18014398509481986",
        ]

    async def test_masked_values_are_never_whole(self, shelf: Shelf) -> None:
        record = await shelf.put(FULL, indexed=True)
        odd = await shelf.put({"phone": {"inner": "13800001111"}, "mail": 5, "number": None})

        assert await shelf.read(record, "phone", "mail", "number") == ["••••1111", "••••@example.test", "••••"]
        assert await shelf.read(odd, "phone", "mail", "number") == ["••••", "••••", None]

    async def test_the_document_is_masked_too(self, shelf: Shelf) -> None:
        record = await shelf.put(FULL, indexed=True)

        (document,) = await shelf.read(record, "document")
        assert document["phone"] == "••••1111"
        assert document["mail"] == "••••@example.test"
        assert document["name"].startswith("引号")

    async def test_what_is_missing_is_null(self, shelf: Shelf) -> None:
        names = [one.name for one in everything().fields[len(interface_fields()) :]]
        empty = await shelf.put({})
        nulls = await shelf.put(dict.fromkeys(FULL))

        assert set(await shelf.read(empty, *names)) == {None}
        assert set(await shelf.read(nulls, *names)) == {None}

    @pytest.mark.parametrize(
        "junk",
        [
            {},
            [],
            {"a": [1]},
            [[1], {}],
            "",
            "x",
            "12",
            " 1 ",
            "NaN",
            "Infinity",
            "1e999999",
            "2026-02-31",
            "2026-13-01T99:99:99Z",
            "2026-11-05T09:30:00+99:99",
            "infinity",
            "today",
            "now",
            "0001-01-01 BC",
            "{}",
            True,
            0,
            -1,
            1.5,
            1e300,
            10**90,
            2**31,
            2**63,
            "\u2028'\"\\",
            "x" * 5000,
        ],
        ids=lambda value: str(value)[:12],
    )
    async def test_junk_is_null_and_never_an_error(self, shelf: Shelf, junk: Any) -> None:
        record = await shelf.put(dict.fromkeys(FULL, junk))
        names = [one.name for one in everything().fields[len(interface_fields()) :]]

        found = dict(zip(names, await shelf.read(record, *names), strict=True))

        text = junk if isinstance(junk, str) else None
        assert (found["name"], found["note"], found["titleValue"], found["odd"]) == (text,) * 4
        assert found["open"] is (junk if isinstance(junk, bool) else None)
        assert found["day"] is found["moment"] is found["photo"] is found["size"] is None
        whole = junk if type(junk) is int else None
        assert found["stars"] == (whole if whole is not None and abs(whole) < 2**31 else None)
        assert found["big"] == found["price"] == (whole if whole is not None and abs(whole) < 2**63 else None)
        assert found["rows"] == (junk if isinstance(junk, dict | list) else None)
        for name in ("sizes", "words", "days"):
            assert found[name] == ([] if isinstance(junk, list) else None)
        assert found["phone"] is not None
        if isinstance(junk, str | int | float) and not isinstance(junk, bool) and len(str(junk)) > 8:
            assert str(junk) not in found["phone"]

    async def test_items_that_are_of_another_type_are_left_out(self, shelf: Shelf) -> None:
        record = await shelf.put(
            {"sizes": ["small", "huge", 3, None], "words": ["甲", 5, ["x"]], "days": ["2026-11-05", "2026-02-31", 1]}
        )

        assert await shelf.read(record, "sizes", "words", "days") == [["small"], ["甲"], [date(2026, 11, 5)]]

    async def test_older_ways_of_writing(self, shelf: Shelf) -> None:
        record = await shelf.put({"weight": 12.5, "share": "1E+1", "moment": "2026-11-05T09:30:00", "size": "huge"})

        assert await shelf.read(record, "weight", "share", "moment", "size") == [
            Decimal("12.5"),
            Decimal(10),
            datetime(2026, 11, 5, 9, 30, tzinfo=UTC),
            None,
        ]


class TestNarrowing:
    """What the field index leaves of a form's records."""

    async def test_it_finds_what_meets_a_comparison(self, shelf: Shelf) -> None:
        record = await shelf.put(FULL, indexed=True)
        other = await shelf.put({"name": "别的", "stars": 5, "words": ["丙"]}, indexed=True)

        for name, operator, value in (
            ("name", "eq", FULL["name"].strip()),
            ("name", "in", [FULL["name"].strip(), "无"]),
            ("stars", "eq", 3),
            ("stars", "in", [2, 3]),
            ("stars", "lt", 4),
            ("stars", "lte", 3),
            ("big", "eq", 9007199254740993),
            ("price", "gte", 123456),
            ("weight", "eq", Decimal("12.5")),
            ("weight", "in", [Decimal("12.5"), Decimal(10) ** 29]),
            ("weight", "lt", Decimal(10) ** 29),
            ("weight", "gt", -(Decimal(10) ** 29)),
            ("day", "eq", date(2026, 11, 5)),
            ("day", "in", [date(2026, 11, 5)]),
            ("day", "lte", date(2026, 11, 5)),
            ("moment", "eq", datetime(2026, 11, 5, 1, 30, tzinfo=UTC)),
            ("open", "eq", True),
            ("size", "eq", "very-large"),
            ("size", "in", ["very-large"]),
            ("sizes", "has", "very-large"),
            ("words", "has", "乙"),
            ("twice", "eq", 18014398509481986),
        ):
            found = await shelf.narrowed(name, operator, value)
            assert found is not None, (name, operator)
            assert record in found, (name, operator, value)
            assert other not in found, (name, operator, value)

    async def test_drafts_and_older_versions_are_never_left_out(self, shelf: Shelf) -> None:
        draft = await shelf.put({"name": "稿"}, state="draft")
        older = await shelf.put({"name": "旧"}, version=1)

        assert await shelf.narrowed("name", "eq", "稿") == {draft, older}

    async def test_a_long_text_is_found_by_its_beginning(self, shelf: Shelf) -> None:
        record = await shelf.put({"name": "长" * 200}, indexed=True)

        assert await shelf.narrowed("name", "eq", "长" * 200) == {record}
        assert await shelf.narrowed("name", "eq", "长" * 199) == set()

    @pytest.mark.parametrize("operator", ["ne", "notIn", "isNull", "contains", "startsWith", "endsWith", "isEmpty"])
    async def test_it_says_nothing_of_comparisons_that_empty_values_meet(self, shelf: Shelf, operator: str) -> None:
        assert await shelf.narrowed("name", operator, "甲") is None

    async def test_another_tenants_records_are_not_seen(self, shelf: Shelf, database: Database) -> None:
        other = Shelf(database, await make_tenant(database))
        await other.put({"name": "同名"}, indexed=True)

        assert await shelf.narrowed("name", "eq", "同名") == set()
