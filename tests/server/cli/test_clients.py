"""`steward client`: lists with filters and pages, one client, its history and facts, the pool, hand-overs, duplicates."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from steward_core.clients.models import Client
from steward_tenants.database.session import TenantSession
from tests.server.cli.console import ADMIN, AUDITOR, BOSS, MANAGER, TENANT, Console, Printed, at, id_of

OTHER = at("sun.yue")
KIND = "cli_firm"


def client(console: Console, code: str, name: str, login: str = BOSS, **values: Any) -> dict[str, Any]:
    """A new client of the telecom company."""
    fields = {"code": code, "name": name, "kind": KIND, "owner_id": MANAGER, **values}
    return console.command("clients.client.create", login, fields=json.dumps(fields, ensure_ascii=False)).row


def ask(console: Console, *words: str, login: str = BOSS) -> Printed:
    """`steward client …` with `--json`."""
    group, command, *rest = words
    path = [group] if group not in ("pool", "hand-over", "duplicates") else [group, command]
    rest = rest if len(path) > 1 else [command, *rest]
    return console("client", *path, TENANT, *rest, "--login", login, "--json")


def listed(console: Console, *words: str, login: str = BOSS) -> list[str]:
    rows = console("client", "list", TENANT, *words, "--login", login, "--json").rows
    return [row["code"] for row in rows if "code" in row]


@pytest.fixture(scope="module", autouse=True)
def clients(console: Console) -> None:
    """A few clients of the telecom company, in the hands of its people."""
    made = console.command("clients.kind.save", ADMIN, key=KIND, title_zh="测试企业", title_en="Test firm")
    assert made.row["key"] == KIND
    for key, rank in (("cli_a", "901"), ("cli_b", "902")):
        console.command("clients.tier.save", ADMIN, key=key, title_zh="测试等级", title_en="Test tier", rank=rank)
    field = {"title_zh": "楼层", "title_en": "Floor", "filterable": True}
    done = console.command(
        "custom_fields.create", ADMIN, target="client", key="cli_floor", kind="integer", values=json.dumps(field)
    )
    assert done.code == 0, done.err
    client(console, "CLI-1", "青禾数据服务", tier="cli_a", region="5301", phone="13800001234")
    client(console, "CLI-2", "云帆物流", tier="cli_b", parent_id="CLI-1", custom={"cli_floor": 7})
    client(console, "CLI-3", "北辰印务", owner_id=OTHER, custom={"cli_floor": 2})
    client(console, "CLI-4", "远山茶业", owner_id=None, unit_id="ENT-EAST")


def test_clients_are_listed_by_filters_and_pages(console: Console) -> None:
    mine = ["--kind", KIND]
    assert listed(console, *mine, "--order", "code")[:4] == ["CLI-1", "CLI-2", "CLI-3", "CLI-4"]
    assert listed(console, *mine, "--order", "code", "--owner", OTHER) == ["CLI-3"]
    assert listed(console, *mine, "--tier", "cli_a", "--tier", "cli_b", "--order", "tier") == ["CLI-1", "CLI-2"]
    assert listed(console, *mine, "--unit", "ENT-EAST", "--pool") == ["CLI-4"]
    assert listed(console, *mine, "--parent", "CLI-1") == ["CLI-2"]
    assert listed(console, *mine, "--region", "53") == ["CLI-1"]
    assert listed(console, *mine, "--text", "qhsj") == ["CLI-1"]
    assert listed(console, *mine, "--where", "cli_floor:ge:3") == ["CLI-2"]
    assert listed(console, *mine, "--where", "custom.cli_floor:between:1, 5") == ["CLI-3"]
    assert listed(console, *mine, "--where", "cli_floor:is_null", "--owned") == ["CLI-1"]
    assert listed(console, *mine, "--stale") == []
    assert listed(console, *mine, "--arrears") == []
    assert listed(console, *mine, "--contract-ends-within", "30") == []
    page = console("client", "list", TENANT, *mine, "--order", "code", "--size", "3", "--login", BOSS, "--json").rows
    cursor = page[-1]["next_cursor"]
    assert [row["code"] for row in page[:-1]] == ["CLI-1", "CLI-2", "CLI-3"]
    assert listed(console, *mine, "--order", "code", "--size", "3", "--cursor", cursor)[:1] == ["CLI-4"]
    assert listed(console, *mine, "--order", "code", "--owned", login=MANAGER) == ["CLI-1", "CLI-2"]
    told = console("client", "list", TENANT, *mine, "--size", "1", "--login", BOSS)
    assert ("--cursor" in told.err, "unit_name" in told.out) == (True, True)


def test_a_filter_that_is_none_is_told(console: Console) -> None:
    wrong = ["client", "list", TENANT, "--login", BOSS, "--json"]
    bad = console(*wrong, "--where", "cli_floor", "--where", ":eq:1", "--where", "a:eq").error
    assert [problem["path"] for problem in bad["problems"]] == [["cli_floor"], [":eq:1"], ["a:eq"]]
    assert console(*wrong, "--where", "colour:eq:red").error["problems"][0]["code"] == "unknown"
    assert console(*wrong, "--where", "cli_floor:ge:high").error["problems"][0]["code"] == "integer"
    assert console(*wrong, "--status", "asleep").code == 2
    assert console("client", "list", TENANT, "--login", AUDITOR, "--json").error["code"] == "forbidden"


def test_a_client_is_found_and_shown_masked(console: Console) -> None:
    assert [row["code"] for row in ask(console, "search", "北辰").rows][:1] == ["CLI-3"]
    assert [row["code"] for row in ask(console, "search", "1234", "--size", "5").rows] == ["CLI-1"]
    contact = {"name": "周若溪", "phone": "13900005678", "roles": ["key_person"]}
    console.command("clients.contact.add", MANAGER, client_id="CLI-1", fields=json.dumps(contact, ensure_ascii=False))
    shown = ask(console, "show", "CLI-1", login=MANAGER).row
    assert (shown["phone"], shown["phone_revealed"]) == ("••••1234", False)
    assert shown["contacts"][0]["phone"] == "••••5678"
    before = len(console.events("read.client"))
    assert ask(console, "show", "CLI-1", "--reveal", login=MANAGER).row["phone"] == "13800001234"
    assert [row["phone"] for row in ask(console, "contacts", "CLI-1", "--reveal", login=MANAGER).rows] == [
        "13900005678"
    ]
    assert len(console.events("read.client")) == before + 2
    told = console("client", "show", TENANT, "CLI-1", "--login", BOSS)
    assert ("青禾数据服务" in told.out, "holdings.notes" in told.out, "周若溪" in told.out) == (True, True, True)
    assert "1380000" not in told.out
    assert ask(console, "show", "CLI-3", login=MANAGER).error["code"] == "client_not_found"
    assert ask(console, "show", "NOWHERE").error["code"] == "client_not_found"


def test_the_tree_and_the_history_are_shown(console: Console) -> None:
    assert [(row["name"], row["depth"]) for row in ask(console, "tree", "CLI-1").rows] == [
        ("青禾数据服务", 0),
        ("云帆物流", 1),
    ]
    assert "　云帆物流" in console("client", "tree", TENANT, "CLI-1", "--login", BOSS).out
    console.command("clients.client.set_tier", BOSS, client_id="CLI-2", tier="cli_a", reason="用量增长")
    rows = ask(console, "history", "CLI-2").rows
    assert [row["owner_name"] for row in rows if row["what"] == "ownership"] == ["赵宁"]
    assert [(row["before"], row["after"]) for row in rows if row["what"] == "change"][:1] == [("cli_b", "cli_a")]
    assert "用量增长" in console("client", "history", TENANT, "CLI-2", "--login", BOSS).out


def test_what_is_stale_is_counted(console: Console) -> None:
    rows = console("client", "stale", TENANT, "--size", "3", "--login", BOSS, "--json").rows
    counts = {row["tier"]: row for row in rows if row["what"] == "count"}
    assert counts["cli_a"]["clients"] >= 1
    assert counts["cli_a"]["basic_due"] == 0
    assert "basic_due" in console("client", "stale", TENANT, "--login", BOSS).out


def test_facts_are_shown_with_their_history(console: Console) -> None:
    metric = {"title_zh": "测试收入", "title_en": "Test revenue", "measure": "fen", "grain": "month"}
    made = console.command("metrics.save", ADMIN, key="cli_revenue", values=json.dumps(metric, ensure_ascii=False))
    assert made.code == 0, made.err
    rows = '[{"code": "CLI-1", "metric": "cli_revenue", "period": "2026-03", "value": 12000}]'
    done = console.command("facts.record", BOSS, rows=rows, source="计费系统")
    assert done.code == 0, done.err
    words = ["--metric", "cli_revenue", "--since", "2026-01-01", "--until", "2026-04-01"]
    (fact,) = ask(console, "facts", "CLI-1", *words).rows
    assert (fact["period_name"], fact["value"], fact["revision"]) == ("2026-03", "12000", 1)
    values = {"client_id": "CLI-1", "metric": "cli_revenue", "period": "2026-03", "value": "13000"}
    console.command("facts.correct", BOSS, source="计费系统", reason="补录", **values)
    assert [row["revision"] for row in ask(console, "facts", "CLI-1", *words, "--history").rows] == [2, 1]
    assert "补录" in console("client", "facts", TENANT, "CLI-1", "--history", "--login", BOSS).out
    assert "补录" not in console("client", "facts", TENANT, "CLI-1", "--login", BOSS).out


def test_the_pool_is_listed_and_idle_clients_return(console: Console) -> None:
    rows = ask(console, "pool", "list", "--kind", KIND, login=MANAGER).rows
    assert [row["name"] for row in rows] == ["远山茶业"]
    assert ask(console, "pool", "returning", "--within", "366", "--owner", MANAGER).code == 0
    done = ask(console, "pool", "return").row
    assert (done["kind"], done["status"]) == ("clients.pool_return", "done")
    assert ask(console, "pool", "return").row["id"] != done["id"]
    assert ask(console, "pool", "return", login=MANAGER).error["code"] == "forbidden"


def test_a_hand_over_is_planned_seen_and_takes_effect(console: Console) -> None:
    words = {"to_owner_id": OTHER, "effective_on": "2027-01-31", "reason": "调岗"}
    planned = console.command("clients.hand_over.plan", BOSS, selection='{"client_ids": ["CLI-2"]}', **words).row
    assert (planned["status"], planned["clients"]) == ("scheduled", 1)
    ids = [row["id"] for row in ask(console, "hand-over", "list", "--status", "scheduled", "--client", "CLI-2").rows]
    assert ids == [planned["id"]]
    assert planned["id"] in [row["id"] for row in ask(console, "hand-over", "list", "--person", OTHER).rows]
    head, item = ask(console, "hand-over", "show", planned["id"]).rows
    assert (head["what"], item["code"], item["outcome"]) == ("hand_over", "CLI-2", "waiting")
    assert "待生效" in console("client", "hand-over", "show", TENANT, planned["id"], "--login", BOSS).out
    run = ask(console, "hand-over", "run").row
    assert (run["kind"], run["status"]) == ("clients.hand_over", "done")
    assert ask(console, "hand-over", "show", planned["id"]).rows[0]["status"] == "scheduled"
    console.command("clients.hand_over.undo", BOSS, hand_over_id=planned["id"])
    assert ask(console, "hand-over", "list", "--client", "CLI-2", "--status", "undone").rows[0]["id"] == planned["id"]
    owner = id_of(console, MANAGER)
    assert ask(console, "show", "CLI-2").row["owner_id"] == str(owner)


def test_the_scan_finds_duplicates(console: Console) -> None:
    fields = {"code": "CLI-5", "name": "青禾数据服务有限公司", "kind": KIND, "owner_id": OTHER, "region": "5301"}
    words = {"fields": json.dumps(fields, ensure_ascii=False)}
    refused = console.command("clients.client.create", BOSS, **words)
    assert refused.error["code"] == "possible_duplicates"
    console.command("clients.client.create", BOSS, accept_duplicates="true", **words)
    told = console("client", "duplicates", "scan", TENANT, "--login", BOSS, "--json")
    assert (told.row["kind"], told.row["status"]) == ("clients.duplicates", "done")
    (pair,) = ask(console, "duplicates", "list", "--client", "CLI-5").rows
    assert {pair["first"]["code"], pair["second"]["code"]} == {"CLI-1", "CLI-5"}
    assert pair["reasons"] == ["near_equal_name"]
    assert "名称几乎相同" in console("client", "duplicates", "list", TENANT, "--login", BOSS).out
    console.command("clients.duplicates.dismiss", BOSS, pair_id=pair["id"], reason="两家公司")
    again = ask(console, "duplicates", "scan").row
    assert (again["status"], again["counts"]["pairs"]) == ("done", 0)
    dismissed = ask(console, "duplicates", "list", "--status", "dismissed", "--client", "CLI-1").rows
    assert [row["decision_reason"] for row in dismissed] == ["两家公司"]


def test_a_client_made_by_hand_stands_where_its_names_say(console: Console) -> None:
    async def query(session: TenantSession) -> Any:
        return await session.scalar(select(Client.owner_id).where(session.within(Client), Client.code == "CLI-3"))

    assert console.look(query) == id_of(console, OTHER)
