"""Explanations, support access, personal-data requests, settings, the audit log."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from steward_tenants.configuration.models import TenantSetting
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User
from steward_tenants.support.models import SupportAccess
from tests.server.cli.console import ADMIN, AUDITOR, BOSS, MANAGER, SECURITY, TENANT, Console, at, id_of


def test_an_explanation_gives_each_reason_in_both_languages(console: Console) -> None:
    words = ["explain", TENANT, MANAGER, "user", at("qian.feng"), "--field", "phone", "--login", SECURITY]
    told = console(*words, "--json").row
    assert told["allowed"] is False
    assert all(reason["zh-CN"] and reason["en"] for reason in told["reasons"])
    assert console(*words).out.startswith("✗ 不可以 / refused")
    seen = console("explain", TENANT, BOSS, "user", MANAGER, "--permission", "people.view", "--login", SECURITY)
    assert seen.out.startswith("✓ 可以 / allowed")
    unit = console("explain", TENANT, BOSS, "unit", "ENT-EAST", "--login", SECURITY, "--json")
    assert unit.row["allowed"] is True


def test_an_explanation_names_what_it_does_not_know(console: Console) -> None:
    words = ["explain", TENANT, MANAGER]
    unknown = console(*words, "user", BOSS, "--permission", "fly", "--login", SECURITY, "--json")
    assert unknown.error["problems"][0]["path"] == ["permission"]
    unknown = console(*words, "moon", "x", "--login", SECURITY, "--json")
    assert unknown.error["problems"][0]["path"] == ["kind"]
    assert console(*words, "user", "nobody", "--login", SECURITY, "--json").error["code"] == "row_not_found"
    assert console(*words, "user", BOSS, "--login", BOSS, "--json").error["code"] == "forbidden"


def test_support_access_is_granted_watched_and_ended(console: Console) -> None:
    assert console("tenant", "operator", "ops@steward.example").code == 0
    words = [
        "support",
        "grant",
        TENANT,
        "ops@steward.example",
        "--hours",
        "2",
        "--reason",
        "排查登录",
        "--json",
        "--login",
    ]
    assert console(*words, ADMIN).error["code"] == "forbidden"
    first, second = (console(*words, SECURITY).row["id"] for _ in range(2))
    live = console("support", "list", TENANT, "--live", "--login", AUDITOR, "--json").rows
    assert {use["id"] for use in live} >= {first, second}
    assert (live[0]["operator"], live[0]["sessions"], live[0]["events"]) == ("ops@steward.example", 0, 0)
    assert console("support", "end", TENANT, first, "--login", SECURITY, "--json").row["ended_at"]
    assert console("support", "end", TENANT, second, "--json").row["ended_at"]

    async def query(session: TenantSession) -> list[Any]:
        return list(
            await session.scalars(
                select(SupportAccess).where(session.within(SupportAccess), SupportAccess.ended_at.is_(None))
            )
        )

    assert console.look(query) == []


def test_personal_data_are_copied_refused_and_erased(console: Console, tmp_path: Path) -> None:
    person = at("pay")
    asked = console("privacy", "request", TENANT, "export", person, "--login", person, "--json").row
    refused = console("privacy", "request", TENANT, "export", person, "--login", BOSS, "--json")
    assert refused.error["code"] == "forbidden"
    listed = console("privacy", "list", TENANT, "--open", "--login", ADMIN, "--json").rows
    assert [request["id"] for request in listed] == [asked["id"]]
    copied = console("privacy", "copy", TENANT, asked["id"], "--login", ADMIN, "--json").row
    path = tmp_path / "副本.zip"
    words = ["file", "get", TENANT, copied["file_id"], "--to", str(path), "--json", "--login"]
    assert console(*words, MANAGER).error["code"] == "file_not_found"
    assert not path.exists()
    assert console(*words, person).row["size"] == path.stat().st_size
    with zipfile.ZipFile(path) as packed:
        assert "personal-data.json" in packed.namelist()
    again = console("privacy", "copy", TENANT, asked["id"], "--login", ADMIN, "--json")
    assert again.error["code"] == "privacy_request_closed"
    words = ["privacy", "request", TENANT, "erasure", person, "--login", person, "--json"]
    no = console(*words).row
    done = console("privacy", "refuse", TENANT, no["id"], "--reason", "合同未结清", "--login", ADMIN, "--json")
    assert done.row["status"] == "refused"
    yes = console(*words).row
    assert console("privacy", "erase", TENANT, yes["id"], "--login", ADMIN).code == 1
    assert console("privacy", "erase", TENANT, yes["id"], "--yes", "--login", ADMIN, "--json").row["status"] == "done"
    assert console("privacy", "list", TENANT, "--login", MANAGER, "--json").rows == []

    async def query(session: TenantSession) -> Any:
        return await session.scalar(select(User.id).where(session.within(User), User.login == person))

    assert console.look(query) is None


def test_a_setting_is_changed_and_reset(console: Console) -> None:
    words = ["setting", "set", TENANT, "files.megabytes"]
    assert console(*words, "20", "--login", ADMIN, "--json").row["value"] == 20
    assert console(*words, "20", "--login", SECURITY, "--json").error["code"] == "forbidden"
    wrong = console(*words, "many", "--login", ADMIN, "--json")
    assert wrong.error["problems"][0]["path"] == ["value"]
    assert console("setting", "set", TENANT, "x", "1", "--login", ADMIN, "--json").error["code"] == "setting_not_found"
    listed = {row["key"]: row for row in console("setting", "list", TENANT, "--login", MANAGER, "--json").rows}
    assert (listed["files.megabytes"]["value"], listed["files.megabytes"]["default"]) == (20, 10)
    assert console("setting", "reset", TENANT, "files.megabytes", "--login", ADMIN, "--json").row["value"] == 10

    async def query(session: TenantSession) -> list[Any]:
        return list(await session.scalars(select(TenantSetting.key).where(session.within(TenantSetting))))

    assert console.look(query) == []


def test_facts_and_the_sign_in_policy_are_shown_and_changed(console: Console) -> None:
    facts = ["setting", "facts", TENANT, "--login", ADMIN, "--json"]
    before = console(*facts).row
    assert console(*facts, "--name", "华信通信").row["name"] == "华信通信"
    assert console(*facts, "--name", before["name"]).row["name"] == before["name"]
    assert console(*facts, "--time-zone", "Moon").error["problems"][0]["path"] == ["time_zone"]
    policy = ["setting", "signin-policy", TENANT, "--json", "--login"]
    assert console(*policy, ADMIN, "--origin", "https://crm.huaxin.example").error["code"] == "forbidden"
    changed = console(*policy, SECURITY, "--origin", "https://crm.huaxin.example").row
    assert changed["allowed_origins"] == ["https://crm.huaxin.example"]
    assert console(*policy, SECURITY).row == changed
    assert console(*policy, SECURITY, "--origin", "-").row["allowed_origins"] == []


def test_the_audit_log_is_read_by_its_auditor_page_by_page(console: Console) -> None:
    words = ["audit", "list", TENANT, "--action", "people.create", "--size", "2", "--json"]
    assert console(*words, "--login", ADMIN).error["code"] == "forbidden"
    *first, more = console(*words, "--login", AUDITOR).rows
    second = console(*words, "--login", AUDITOR, "--cursor", more["next_cursor"]).rows[:2]
    moments = [event["at"] for event in (*first, *second)]
    assert moments == sorted(moments, reverse=True)
    assert {event["action"] for event in (*first, *second)} == {"people.create"}
    assert {event["by"] for event in first} <= {"王岚", "demo"}
    assert console.events("read.audit")[-1].actor_id == id_of(console, AUDITOR)
    mine = console("audit", "list", TENANT, "--by", AUDITOR, "--action", "read.", "--login", AUDITOR, "--json").rows
    assert {event["by"] for event in mine if "by" in event} == {"周正"}
    assert "周正" in console("audit", "list", TENANT, "--by", AUDITOR, "--login", AUDITOR).out


def test_a_file_goes_in_and_comes_out(console: Console, tmp_path: Path) -> None:
    path, back = tmp_path / "合同.txt", tmp_path / "back"
    path.write_bytes(b"x" * 1_000_000)
    kept = console("file", "put", TENANT, str(path), "--login", MANAGER, "--json").row
    assert (kept["name"], kept["size"]) == ("合同.txt", 1_000_000)
    listed = console("file", "list", TENANT, "--login", MANAGER, "--json").rows
    assert [file["id"] for file in listed] == [kept["id"]]
    assert "sha256" not in listed[0]
    got = ["file", "get", TENANT, kept["id"], "--to", str(back), "--json", "--login"]
    assert console(*got, at("sun.yue")).error["code"] == "file_not_found"
    assert console(*got, MANAGER).row["size"] == 1_000_000
    assert back.read_bytes() == path.read_bytes()
    assert console.command("files.delete", MANAGER, file_id=kept["id"]).row["answer"] == "ok"
    assert console("file", "list", TENANT, "--login", MANAGER, "--json").rows == []
    assert console("file", "put", TENANT, str(tmp_path / "none"), "--login", MANAGER).code == 2


@pytest.mark.parametrize("words", [["audit", "list"], ["user", "list"], ["setting", "list"], ["unit", "tree"]])
def test_what_shows_a_tenants_data_needs_somebody_of_the_tenant(console: Console, words: list[str]) -> None:
    refused = console(*words, TENANT)
    assert refused.code == 2
    assert "--login" in refused.err
