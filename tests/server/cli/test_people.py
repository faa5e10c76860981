"""`steward user` and `steward account`: lists masked and revealed, and what happens to people."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User
from steward_tenants.signin.models import SignInSession
from tests.server.cli.console import ADMIN, AUDITOR, BOSS, MANAGER, SECURITY, TENANT, Console, at, id_of


@pytest.fixture
def newcomer(console: Console) -> str:
    """The login of a person just created."""
    login = at(f"new{uuid4().hex[:8]}")
    words = ["user", "create", TENANT, login, "--name", "新人", "--unit", "ENT-WEST", "--login", ADMIN, "--json"]
    assert console(*words).row["status"] == "invited"
    return login


def status_of(console: Console, login: str) -> Any:
    async def query(session: TenantSession) -> Any:
        return await session.scalar(select(User.status).where(session.within(User), User.login == login))

    return console.look(query)


def test_a_list_is_masked_until_revealed_and_revealing_is_on_record(console: Console) -> None:
    words = ["user", "list", TENANT, "--login", BOSS, "--unit", "ENT", "--text", "孙悦", "--json"]
    before = len(console.events("read.people"))
    masked = console(*words).row
    assert (masked["phone"], masked["revealed"]) == ("••••0106", [])
    assert len(console.events("read.people")) == before
    shown = console(*words, "--reveal").row
    assert (shown["phone"], shown["revealed"]) == ("13800000106", ["phone"])
    (event,) = console.events("read.people")[before:]
    assert event.actor_id == id_of(console, BOSS)


def test_a_list_stays_within_scope_and_turns_pages(console: Console) -> None:
    logins = {row["login"] for row in console("user", "list", TENANT, "--login", MANAGER, "--json").rows}
    assert logins == {MANAGER}
    words = ["user", "list", TENANT, "--login", ADMIN, "--sort", "login", "--size", "3"]
    *first, more = console(*words, "--json").rows
    second = console(*words, "--cursor", more["next_cursor"], "--json").rows
    seen = [row["login"] for row in (*first, *second) if "login" in row]
    assert seen == sorted(set(seen))
    assert len(seen) == 6
    table = console(*words)
    assert "next page: --cursor" in table.err
    assert table.out.splitlines()[0].split()[:2] == ["login", "name"]
    refused = console("user", "list", TENANT, "--login", ADMIN, "--size", "9999", "--json")
    assert refused.error["problems"][0]["path"] == ["size"]


def test_a_list_becomes_a_spreadsheet(console: Console, tmp_path: Path) -> None:
    path = tmp_path / "人员.csv"
    before = len(console.events("read.people.export"))
    done = console("user", "list", TENANT, "--unit", "ENT-EAST", "--login", BOSS, "--csv", str(path))
    assert done.code == 0
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert {row["姓名"] for row in rows} >= {"赵宁", "孙悦"}
    assert path.stat().st_mode & 0o077 == 0
    assert len(console.events("read.people.export")) == before + 1


def test_one_person_is_shown_masked_or_revealed(console: Console) -> None:
    words = ["user", "show", TENANT, at("qian.feng"), "--json", "--login"]
    assert console(*words, AUDITOR).row["phone"] == "••••0107"
    assert console(*words, AUDITOR, "--reveal").row["phone"] == "••••0107"
    assert console(*words, BOSS, "--reveal").row["phone"] == "13800000107"
    assert console(*words, MANAGER).error["code"] == "person_not_found"
    assert console("user", "show", TENANT, "nobody", "--login", BOSS, "--json").error["code"] == "person_not_found"


def test_a_person_is_invited_moved_disabled_and_enabled(console: Console, newcomer: str) -> None:
    assert console("user", "invite", TENANT, newcomer, "--login", ADMIN, "--json").row["mailed_to"] == newcomer
    assert console("user", "invite", TENANT, ADMIN, "--login", ADMIN, "--json").error["code"] == "not_invited"
    moved = console("user", "move", TENANT, newcomer, "--unit", "HR", "--login", ADMIN, "--json").row
    shown = console("user", "show", TENANT, newcomer, "--login", ADMIN, "--json").row
    assert (shown["unit_id"], shown["unit_name"]) == (moved["unit_id"], "人力资源部")
    words = ["user", "disable", TENANT, newcomer, "--reason", "离职", "--json"]
    assert console(*words, "--login", MANAGER).error["code"] == "forbidden"
    assert console(*words, "--login", ADMIN).row["status"] == "disabled"
    assert status_of(console, newcomer) == "disabled"
    assert console("user", "enable", TENANT, newcomer, "--login", ADMIN, "--json").row["status"] == "invited"
    assert console(*words).row["status"] == "disabled"
    (one, two) = [e for e in console.events("people.disable") if str(e.subject_id) == shown["id"]]
    assert (one.actor_kind, two.actor_kind) == ("user", "operator")
    assert console("user", "disable", TENANT, "nobody", "--reason", "x", "--json").error["code"] == "person_not_found"


def test_a_unit_that_is_not_there_takes_nobody(console: Console) -> None:
    words = [
        "user",
        "create",
        TENANT,
        "lost@huaxin.example",
        "--name",
        "无",
        "--unit",
        "XX",
        "--login",
        ADMIN,
        "--json",
    ]
    assert console(*words).error["code"] == "unit_not_found"


def test_sessions_are_listed_and_ended(console: Console) -> None:
    words = ["user", "sessions", TENANT, SECURITY, "--login", SECURITY, "--json"]
    assert console(*words).rows == []
    assert console("user", "sessions", TENANT, MANAGER, "--login", ADMIN, "--json").error["code"] == "forbidden"
    ended = console("user", "revoke-sessions", TENANT, MANAGER, "--login", SECURITY, "--json")
    assert ended.row["ended"] == 0
    assert [e.actor_kind for e in console.events("signin.session.revoke_user")][-1] == "user"

    async def query(session: TenantSession) -> Any:
        found = select(func.count()).select_from(SignInSession)
        return await session.scalar(found.where(session.within(SignInSession), SignInSession.revoked_at.is_(None)))

    assert console.look(query) == 0, "each command ends the session that it opened"


def test_a_lost_second_factor_is_taken_away(console: Console) -> None:
    words = ["user", "reset-second-factor", TENANT, MANAGER, "--json", "--login"]
    refused = console(*words, SECURITY)
    assert refused.code == 1
    assert "--yes" in refused.err
    assert console(*words, ADMIN, "--yes").error["code"] == "forbidden"
    assert console(*words, SECURITY, "--yes").row["second_factor"] == "reset"
    before = len(console.events("signin.second_factor.reset"))
    assert console("account", "reset-second-factor", MANAGER, "--yes", "--json").row["second_factor"] == "reset"
    assert len(console.events("signin.second_factor.reset")) == before + 1


def test_an_account_is_shut_out_everywhere_and_let_in_again(console: Console) -> None:
    person = at("sun.yue")
    words = ["user", "list", TENANT, "--login", person, "--json"]
    assert console(*words).code == 0
    assert console("account", "disable", person, "--yes", "--json").row["status"] == "disabled"
    assert console(*words).error["code"] == "sign_in_failed"
    assert json.loads(console("account", "enable", person, "--json").out)["status"] == "active"
    assert console(*words).code == 0
    assert console("account", "enable", "nobody@example.test", "--json").error["code"] == "account_not_found"
