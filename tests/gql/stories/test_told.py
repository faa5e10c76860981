"""What a person is told when something is refused: each language by itself, and what to do."""

from __future__ import annotations

import pytest

from tests.gql.stories.house import House, Person

HAN = tuple(chr(point) for point in range(0x4E00, 0x9FFF))


@pytest.fixture(scope="module")
def zhao(house: House) -> Person:
    return house.person("zhao.ning@huaxin.example")


@pytest.mark.parametrize(
    ("document", "code", "zh", "en"),
    [
        (
            '{ clients(filter: {createdAt: {gte: "2026-01-01"}}) { totalCount } }',
            "validation_failed",
            "时间须带时区",
            "Give a time with its zone",
        ),
        ('{ client(id: "x") { id } }', "validation_failed", "编号应为 UUID", "An id is a UUID"),
        (
            "query A { viewer { name } } query B { viewer { name } }",
            "unknown_operation",
            "未指明执行文档中的哪个操作",
            "does not say which",
        ),
        ("{ roles { totalCount } }", "forbidden", "您没有“查看角色与授权”权限。", "“See roles and grants”."),
    ],
)
def test_a_refusal_is_one_language_at_a_time(zhao: Person, document: str, code: str, zh: str, en: str) -> None:
    (error,) = zhao.answer(document)["errors"]
    told = error["extensions"]
    assert (told["code"], error["message"]) == (code, told["messages"]["zhCN"])
    assert zh in told["messages"]["zhCN"]
    assert en not in told["messages"]["zhCN"]
    assert en in told["messages"]["en"]
    assert not any(letter in told["messages"]["en"] for letter in HAN)
    assert told["remedy"]


def test_a_run_is_driven_for_a_usual_time_unless_told(zhao: Person) -> None:
    (wrong,) = zhao.refused(
        """mutation {
          advanceRun(input: {runId: "01900000-0000-7000-8000-000000000000"}) { run { id } userErrors { code } }
        }"""
    )
    assert wrong["code"] == "run_not_found"


def test_counts_of_the_inbox_are_of_the_kinds_that_are_asked_for(zhao: Person) -> None:
    counts = zhao.ask("{ inbox(kinds: [HAND_OVER_DONE]) { counts { kind } } }")["inbox"]["counts"]
    assert counts == [{"kind": "HAND_OVER_DONE"}]


def test_who_did_something_is_a_person_and_their_id(house: House) -> None:
    security = house.person("security@huaxin.example")
    nodes = security.ask("{ grants { nodes { grantedById grantedBy { id name } } } }")["grants"]["nodes"]
    granted = [one for one in nodes if one["grantedBy"] is not None]
    assert granted
    assert all(one["grantedBy"]["id"] == one["grantedById"] for one in granted)
