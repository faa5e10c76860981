"""Definitions of a tenant's own: versions, what they may name, and the built-in one where there is none."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from steward_core.approvals.defining import retire_definition, set_definition
from steward_core.approvals.errors import (
    DefinitionNotFound,
    DefinitionRefused,
    DefinitionUnknown,
    NotYourSubject,
    SubjectUnknown,
)
from steward_core.approvals.models import ApprovalDefinition
from steward_core.approvals.queries import preview
from steward_core.approvals.trail import Act
from steward_core.inbox.items import InboxKind
from steward_core.inbox.queries import inbox_of
from steward_core.permissions import APPROVALS_MANAGE
from steward_tenants.database.database import Database
from steward_tenants.errors import Forbidden
from tests.core.approvals.company import THINGS, TODAY, Company, Thing, make_company

SUPERVISOR = {"by": "supervisor"}


def document(*approvers: dict[str, Any], **more: Any) -> dict[str, Any]:
    step = {
        "key": "first",
        "title": {"zh": "第一步", "en": "First"},
        "kind": "all",
        "approvers": list(approvers) or [SUPERVISOR],
    }
    return {
        "key": "things",
        "subject": "tests_thing",
        "title": {"zh": "事项", "en": "Things"},
        "steps": [{**step, **more.pop("step", {})}],
        **more,
    }


async def define(company: Company, given: dict[str, Any], place: int = 0) -> ApprovalDefinition:
    async with company.database.write(company.tenant, await company.actor("admin")) as session:
        return await set_definition(session, document=given, place=place)


async def test_each_change_is_a_new_version_and_one_is_in_force(database: Database) -> None:
    company = await make_company(database)
    for expected in (1, 2):
        row = await define(company, document(version=99))
        assert (row.version, row.active, row.document["version"]) == (expected, True, expected)
    async with database.read(company.tenant, await company.actor("admin")) as session:
        rows = await session.scalars(select(ApprovalDefinition).where(session.within(ApprovalDefinition)))
        assert sorted((row.version, row.active) for row in rows) == [(1, False), (2, True)]
    async with database.write(company.tenant, await company.actor("admin")) as session:
        await retire_definition(session, key="things")
        with pytest.raises(DefinitionUnknown):
            await retire_definition(session, key="things")
    assert (await define(company, document())).version == 3


async def test_what_a_definition_names_must_be_there(database: Database) -> None:
    company = await make_company(database)
    nobody = str(uuid4())
    given = document(
        {"by": "user", "user": nobody},
        {"by": "role", "role": "nothing_like_it"},
        {"by": "role", "role": "finance", "unit": nobody},
        {"by": "user", "user": str(company.id("anna"))},
    )
    with pytest.raises(DefinitionRefused) as refused:
        await define(company, given)
    assert {problem.path for problem in refused.value.problems} == {
        ("steps", "0", "approvers", "0", "user"),
        ("steps", "0", "approvers", "1", "role"),
        ("steps", "0", "approvers", "2", "unit"),
    }
    with pytest.raises(SubjectUnknown):
        await define(company, document() | {"subject": "nothing_like_it"})
    with pytest.raises(SubjectUnknown):
        await define(company, {})
    with pytest.raises(DefinitionRefused):
        await define(
            company, document(when={"match": "all", "clauses": [{"field": "x", "operator": "eq", "value": 1}]})
        )
    await define(company, document())
    with pytest.raises(DefinitionRefused) as taken:
        await define(company, document() | {"subject": "free_request"})
    assert taken.value.problems[0].path == ("subject",)


async def test_only_administrators_define(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant, await company.actor("bo")) as session:
        with pytest.raises(Forbidden):
            await set_definition(session, document=document())
        with pytest.raises(Forbidden):
            await retire_definition(session, key="things")
    assert APPROVALS_MANAGE.key in (await company.actor("admin")).permissions


async def test_the_first_that_fits_counts_and_without_a_fit_nothing_begins(database: Database) -> None:
    company = await make_company(database)

    def few(number: int) -> dict[str, Any]:
        return {"match": "all", "clauses": [{"field": "days", "operator": "le", "value": number}]}

    user = [{"by": "user", "user": str(company.id("ella"))}]
    await define(company, document(when=few(5)), place=2)
    await define(company, document(when=few(3), step={"approvers": user}) | {"key": "short"}, place=1)
    for days, who in ((2, {"ella"}), (4, {"bo", "chen"})):
        _, approval = await company.ask_thing(Thing(company.id("anna"), company.team, values={"days": days}))
        assert set(await company.seats(approval)) == who
    with pytest.raises(DefinitionNotFound):
        await company.ask_thing(Thing(company.id("anna"), company.team, values={"days": 9}))


async def test_roles_in_units_and_leads_of_units_above(database: Database) -> None:
    company = await make_company(database)
    await define(
        company,
        document(
            {"by": "role", "role": "finance"},
            {"by": "unit_lead", "levels_up": 0},
            {"by": "unit_lead", "levels_up": 1},
        ),
    )
    _, approval = await company.ask_thing(Thing(company.id("anna"), company.team))
    assert set(await company.seats(approval)) == {"fiona", "bo", "chen", "gm"}
    _, placeless = await company.ask_thing(Thing(company.id("anna"), company.root))
    assert set(await company.seats(placeless)) == {"fiona", "gm"}


async def test_who_would_be_asked_by_a_definition_that_is_only_tried(database: Database) -> None:
    company = await make_company(database)
    thing_id = uuid4()
    THINGS[thing_id] = Thing(company.id("bo"), company.team)
    tried = document({"by": "unit_lead", "levels_up": 0})
    async with database.read(company.tenant, await company.actor("admin")) as session:
        found = await preview(session, "tests_thing", thing_id, today=TODAY, document=tried)
        assert [(step.people, step.need) for step in found.steps] == [((company.id("chen"),), 1)]
        nobody = document({"by": "user", "user": str(company.id("bo"))})
        (step,) = (await preview(session, "tests_thing", thing_id, today=TODAY, document=nobody)).steps
        assert step.people == ()
        assert step.problem is not None
    async with database.read(company.tenant, await company.actor("bo")) as session:
        assert (await preview(session, "tests_thing", thing_id, today=TODAY)).definition_key == "tests_thing"
        with pytest.raises(Forbidden):
            await preview(session, "tests_thing", thing_id, today=TODAY, document=tried)
    async with database.read(company.tenant, await company.actor("anna")) as session:
        with pytest.raises(NotYourSubject):
            await preview(session, "tests_thing", thing_id, today=TODAY)


async def test_what_waits_stands_in_the_inbox_until_it_is_decided(database: Database) -> None:
    company = await make_company(database)
    approval = await company.ask()

    async def lines(name: str) -> list[Any]:
        async with database.read(company.tenant, await company.actor(name)) as session:
            found = await inbox_of(session, today=TODAY, kinds=[InboxKind.APPROVAL_WAITING])
        return [(line.id, line.title.zh) for line in found]

    assert await lines("bo") == [(approval, "待您审批：一般申请：一项申请")]
    assert await lines("anna") == []
    await company.do("chen", approval, Act.APPROVE)
    assert await lines("bo") == []
