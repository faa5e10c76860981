"""`steward command`: what is listed, how words become values, what is printed and what never is."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients.hand_over import HandOverSelection
from steward_server.cli.arguments import Named, Parameter, parameters_of, read
from steward_server.cli.commands import commands
from steward_server.cli.naming import CLIENT, PERSON, REFERENCES, reference
from steward_tenants.access.models import Role, RoleAssignment
from steward_tenants.commands.models import IdempotencyRecord
from steward_tenants.commands.service import COMMANDS
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import InvalidInput
from steward_tenants.oauth.models import ApiClient
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from tests.server.cli.console import ADMIN, BOSS, MANAGER, SECURITY, TENANT, Console

PLAN = '{"name": "%s", "grant_types": ["client_credentials"], "permissions": ["people.view"]}'


def a_word_for(annotation: Any) -> str:
    """Some text that can be read as a value of this type."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return a_word_for(get_args(annotation)[0])
    if origin is Literal:
        return str(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return str(next(iter(annotation)).value)
    if is_dataclass(annotation):
        return json.dumps({name: json.loads(a_value_for(part)) for name, part in needed(annotation).items()})
    known = {
        UUID: str(UUID(int=7)),
        date: "2026-05-01",
        datetime: "2026-05-01T08:00:00+08:00",
        int: "3",
        Decimal: "3.5",
        bool: "true",
        str: "词",
        NoneType: "null",
    }
    return known.get(annotation, "[]" if origin is tuple else "{}")


def needed(dataclass: Any) -> dict[str, Any]:
    hints = get_type_hints(dataclass)
    return {one.name: hints[one.name] for one in fields(dataclass) if one.default is one.default_factory is MISSING}


def a_value_for(annotation: Any) -> str:
    """The same as JSON."""
    word = a_word_for(annotation)
    try:
        json.loads(word)
    except ValueError:
        return json.dumps(word)
    return word


def test_all_commands_are_found_and_the_steps_are_not_among_them() -> None:
    listed = commands()
    ours = {key: info for key, info in COMMANDS.items() if info.function.__module__.startswith("steward_")}
    assert {info.function.__module__.partition(".")[0] for info in ours.values()} == {"steward_tenants", "steward_core"}
    assert {key for key, info in ours.items() if info.alone} == set(listed)
    assert not {"people.create", "people.disable", "support.grant", "signin.second_factor.reset"} & set(listed)


LISTED = commands()


@pytest.mark.parametrize("key", sorted(LISTED))
def test_every_parameter_of_a_command_can_be_given_as_text(key: str) -> None:
    info = LISTED[key]
    parameters = parameters_of(info)
    values = read(info, [f"{p.name}={a_word_for(p.annotation)}" for p in parameters])
    assert set(values) == {p.name for p in parameters}
    assert not any(isinstance(value, Named) for value in values.values())
    required = [p.name for p in parameters if p.required]
    if required:
        with pytest.raises(InvalidInput) as refused:
            read(info, [])
        assert [problem.path for problem in refused.value.problems] == [(name,) for name in required]


def test_words_are_read_in_the_types_of_the_parameters() -> None:
    found = commands()
    values = read(
        found["access.roles.create"], ["key=x", "title_zh=甲", "title_en=A", "permissions=people.view, units.view"]
    )
    assert values["permissions"] == ("people.view", "units.view")
    assert read(found["access.roles.edit"], ["role_id=boss", "version=2", "permissions=null"]) == {
        "role_id": Named(REFERENCES["role_id"], "boss"),
        "version": 2,
        "permissions": None,
    }
    assert reference("oauth.client.revoke", "client_id") != reference("clients.client.update", "client_id")
    assert reference("units.move", "parent_id") != reference("clients.client.set_parent", "parent_id")
    assert read(found["units.move"], ["unit_id=A", "parent_id=null", "on=2026-05-01"])["parent_id"] is None
    assert read(found["configuration.setting.set"], ["key=a", "value=20"])["value"] == 20
    assert read(found["configuration.setting.set"], ["key=a", "value=a=b"])["value"] == "a=b"
    facts = read(found["facts.record"], ['rows=[{"code": "K1", "value": 12.5}]', "source=erp", "reason=null"])
    assert facts == {"rows": ({"code": "K1", "value": 12.5},), "source": "erp", "reason": None}
    with pytest.raises(InvalidInput) as refused:
        read(found["facts.record"], ['rows=[{"code": "K1", "colour": "red"}]', "source=erp"])
    assert [problem.path for problem in refused.value.problems] == [("rows", "0")]
    with pytest.raises(InvalidInput) as refused:
        read(found["oauth.client.create"], ['plan={"name": "x", "grant_types": 3, "scopes": []}'])
    assert [problem.path for problem in refused.value.problems] == [("plan", "scopes")]
    with pytest.raises(InvalidInput) as refused:
        read(found["oauth.client.create"], ['plan={"name": "x", "grant_types": 3}'])
    assert [problem.path for problem in refused.value.problems] == [("plan", "grant_types")]


def test_names_may_stand_in_lists_and_in_what_is_nested() -> None:
    found = commands()
    given = read(found["clients.pool.assign"], [f"client_ids=K1, {UUID(int=7)}", "owner_id=a@b", "reason=x"])
    assert given["client_ids"] == (Named(CLIENT, "K1"), UUID(int=7))
    words = ["to_owner_id=null", "effective_on=2026-05-01", "reason=x"]
    plan = read(found["clients.hand_over.plan"], ['selection={"owner_id": "a@b", "tiers": ["A"]}', *words])
    chosen = plan["selection"]
    assert (chosen.value.tiers, chosen.fields) == (("A",), {"owner_id": Named(PERSON, "a@b")})
    plan = read(found["clients.hand_over.plan"], ['selection={"client_ids": ["K1"]}', *words])
    assert plan["selection"].fields == {"client_ids": (Named(CLIENT, "K1"),)}
    plan = read(found["clients.hand_over.plan"], [f'selection={{"owner_id": "{UUID(int=7)}"}}', *words])
    assert plan["selection"] == HandOverSelection(owner_id=UUID(int=7))
    made = read(found["clients.client.create"], ['fields={"name": "华信", "owner_id": "a@b", "parent_id": "K1"}'])
    assert made["fields"].fields == {"owner_id": Named(PERSON, "a@b"), "parent_id": Named(CLIENT, "K1")}
    assert read(found["people.update"], ["user_id=a@b", "version=1", 'fields={"title": "x"}'])["fields"] is not None
    with pytest.raises(InvalidInput) as refused:
        read(found["clients.hand_over.plan"], ['selection={"client_ids": "K1", "colour": 1}', *words])
    assert [problem.path for problem in refused.value.problems] == [("selection", "colour")]


def test_the_types_are_told() -> None:
    told = {p.name: p.type_text for p in parameters_of(LISTED["access.grants.assign"])}
    assert told["scope"] == "own|team|subtree|all"
    assert told["valid_from"] == "YYYY-MM-DD | null"
    assert told["role_id"] == "UUID (or name)"
    assert "today" not in told
    told = {p.name: p.type_text for p in parameters_of(LISTED["facts.record"])}
    assert told["rows"] == "[JSON {client_id, code, metric, period, value, booked_on}, …]"
    told = {p.name: p.type_text for p in parameters_of(LISTED["clients.pool.assign"])}
    assert told["client_ids"] == "[UUID, …] (or name)"
    assert Parameter("plan", Any, True, None).type_text == "JSON"


def test_the_list_names_permission_and_parameters(console: Console) -> None:
    rows = {row["key"]: row for row in console("command", "list", "--json").rows}
    assert set(rows) == set(commands())
    assert rows["units.move"]["permission"] == "units.manage"
    assert rows["units.move"]["title"] == {"zh-CN": "调整组织机构隶属", "en": "Move an org unit"}
    assert [p["name"] for p in rows["units.move"]["parameters"]] == ["unit_id", "parent_id", "on"]
    assert "[parent_id=UUID | null (or name)]" in console("command", "list").out


def test_a_unit_is_made_moved_and_closed_by_hand(console: Console) -> None:
    made = console.command("units.create", ADMIN, code="ENT-N", name="城北支局", parent_id="ENT").row
    assert made["code"] == "ENT-N"
    assert "tenant_id" not in made
    stays = console.command("units.move", ADMIN, unit_id="ENT-N", parent_id="HR", on="2099-01-01").rows
    assert [stay["valid_from"] for stay in stays][1:] == ["2099-01-01"]
    shown = console("unit", "tree", TENANT, "--on", "2099-01-02", "--below", "HR", "--login", BOSS, "--json")
    assert [node["code"] for node in shown.rows] == ["ENT-N"]
    shown = console("unit", "tree", TENANT, "--on", "2099-01-02", "--below", "HR", "--login", ADMIN, "--json")
    assert [node["code"] for node in shown.rows] == ["HR", "ENT-N"]
    assert "　城北支局" in console("unit", "tree", TENANT, "--below", "ENT", "--login", ADMIN).out
    history = console("unit", "history", TENANT, "ENT-N", "--login", ADMIN, "--json").rows
    assert [stay["parent_code"] for stay in history] == ["ENT", "HR"]
    assert console.command("units.cancel_move", ADMIN, unit_id="ENT-N", on="2099-01-01").rows
    assert console.command("units.close", ADMIN, unit_id="ENT-N", on="2099-01-01").row["status"] == "closed"

    async def query(session: TenantSession) -> str:
        status: str = await session.scalar(
            select(OrgUnit.status).where(session.within(OrgUnit), OrgUnit.code == "ENT-N")
        )
        return status

    assert console.look(query) == "closed"


def test_a_role_is_made_granted_and_taken_back_by_hand(console: Console) -> None:
    made = console.command(
        "access.roles.create", SECURITY, key="viewer", title_zh="查看员", title_en="Viewer", permissions="people.view"
    ).row
    granted = console.command("access.grants.assign", SECURITY, user_id=MANAGER, role_id="viewer", scope="all").row
    assert granted["role_id"] == made["id"]
    held = console("role", "grants", TENANT, MANAGER, "--login", SECURITY, "--json").rows
    assert [grant["role_key"] for grant in held if grant["id"] == granted["id"]] == ["viewer"]
    holders = console("role", "holders", TENANT, "people.view", "--login", SECURITY, "--json").rows
    assert granted["id"] in [grant["id"] for grant in holders]
    roles = {role["key"]: role for role in console("role", "list", TENANT, "--login", SECURITY, "--json").rows}
    assert (roles["viewer"]["holders"], roles["viewer"]["permissions"]) == (1, ["people.view"])
    assert "查看员" in console("role", "list", TENANT, "--login", SECURITY).out
    taken = console.command("access.grants.revoke", SECURITY, assignment_id=granted["id"])
    assert taken.row == {"command": "access.grants.revoke", "answer": "ok"}

    async def query(session: TenantSession) -> list[Any]:
        return list(
            await session.scalars(
                select(RoleAssignment)
                .join(Role, Role.id == RoleAssignment.role_id)
                .where(session.within(RoleAssignment), session.within(Role), Role.key == "viewer")
            )
        )

    assert console.look(query) == []


def test_a_client_secret_is_shown_once_and_kept_nowhere(console: Console) -> None:
    words = ["command", "run", TENANT, "oauth.client.create", f"plan={PLAN % 'BOSS'}", "--login", SECURITY, "--json"]
    made_once = console(*words, "--key", "make-boss").row
    assert console(*words, "--key", "make-boss").row == made_once
    connecting = ["command", "run", TENANT, "oauth.client.connect", "client_id=BOSS", "--login", ADMIN, "--json"]
    first = console(*connecting, "--key", "connect-boss").row
    assert first["secret"]
    again = console(*connecting, "--key", "connect-boss").row
    assert again == {**first, "secret": None}

    async def query(session: TenantSession) -> tuple[int, list[Any]]:
        clients = await session.scalars(select(ApiClient.id).where(session.within(ApiClient), ApiClient.name == "BOSS"))
        kept = await session.scalars(select(IdempotencyRecord.answer).where(session.within(IdempotencyRecord)))
        return len(clients), list(kept)

    made, kept = console.look(query)
    assert made == 1
    assert first["secret"] not in str(kept)
    other = list(words)
    other[4] = f"plan={PLAN % 'CRM'}"
    assert console(*other, "--key", "make-boss").error["code"] == "idempotency_key_reused"
    renewed = console("api-client", "connect", TENANT, "BOSS", "--login", ADMIN, "--json").row
    assert renewed["client_secret"] not in (None, first["secret"])
    assert console.command("oauth.client.revoke", SECURITY, client_id="BOSS").row["answer"] == 0


def test_a_persons_record_is_changed_and_comes_back_masked(console: Console) -> None:
    before = console("user", "show", TENANT, MANAGER, "--login", ADMIN, "--json").row
    fields = '{"phone": "13800001111", "identity_number": "11010519491231002X", "joined_on": "2020-02-03"}'
    done = console.command("people.update", ADMIN, user_id=MANAGER, version=str(before["version"]), fields=fields)
    assert done.row["phone"] == "••••1111"
    assert done.row["joined_on"] == "2020-02-03"
    assert "identity_number" not in done.row
    stale = console.command("people.update", ADMIN, user_id=MANAGER, version=str(before["version"]), fields=fields)
    assert stale.error["code"] == "person_changed"

    async def query(session: TenantSession) -> Any:
        return await session.scalar(select(User.phone).where(session.within(User), User.login == MANAGER))

    assert console.look(query) == "13800001111"


def test_wrong_parameters_are_all_named_in_both_languages(console: Console) -> None:
    words = [
        "command",
        "run",
        TENANT,
        "access.grants.assign",
        "scope=some",
        "user_id=x",
        "colour=red",
        "on",
        "--login",
        "x",
    ]
    refused = console(*words, "--json")
    assert {".".join(p["path"]) for p in refused.error["problems"]} == {"scope", "colour", "on", "role_id"}
    told = console(*words)
    assert told.code == 1
    assert told.out == ""
    assert "colour: 没有此参数" in told.err
    assert "colour: There is no such parameter" in told.err
    assert "scope: 值不可用，应为 own|team|subtree|all。" in told.err


def test_whoever_may_not_is_told_so_in_both_languages(console: Console) -> None:
    refused = console.command("units.create", MANAGER, code="X", name="X")
    assert refused.error["code"] == "forbidden"
    told = console("command", "run", TENANT, "units.create", "code=X", "name=X", "--login", MANAGER)
    assert told.code == 1
    assert "您没有“管理组织机构”权限" in told.err
    assert "You lack the permission “Manage org units”" in told.err
    assert console.command("units.imagine", ADMIN).error["code"] == "not_found"
    assert console.command("people.create", ADMIN).error["code"] == "not_found"
    assert console.command("units.close", ADMIN, unit_id="NOWHERE", on="2099-01-01").error["code"] == "unit_not_found"


def test_wrong_usage_and_wrong_settings_have_exit_codes_of_their_own(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert console("command", "run", TENANT).code == 2
    assert console("command", "swim").code == 2
    monkeypatch.setenv("STEWARD_PASSWORD", "wrong")
    refused = console.command("units.create", "nobody@huaxin.example", code="X", name="X")
    assert refused.error["code"] == "sign_in_failed"
    monkeypatch.setenv("STEWARD_REDIS_URL", "x")
    assert console("unit", "tree", TENANT, "--login", ADMIN).code == 3


def test_a_suspended_tenant_lets_nobody_in(console: Console) -> None:
    words = ["command", "run", "yunling", "signin.session.revoke_others", "--login", "admin@yunling.example", "--json"]
    assert console(*words).row["answer"] >= 0
    assert console("tenant", "suspend", "yunling", "--reason", "欠费", "--json").row["status"] == "suspended"
    assert console(*words).error["code"] == "tenant_suspended"
    told = console("setting", "list", "yunling", "--login", "admin@yunling.example")
    assert (told.code, "该租户已停用。" in told.err, "This tenant is suspended." in told.err) == (1, True, True)
    ended = console("user", "revoke-sessions", "yunling", "admin@yunling.example", "--json")
    assert ended.row["ended"] >= 0
    assert console("tenant", "resume", "yunling", "--json").row["status"] == "active"
    assert console(*words).code == 0
