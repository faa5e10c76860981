"""`steward record`: forms and what they say of themselves, records from draft to approval, lists by fields."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from tests.server.cli.console import Console, Printed
from tests.server.cli.retailers import DISTRICT, KEEPER, MARKET, YUNLING, command, enable_tobacco, retailer, run

VISIT, BRAND, REQUEST = "tobacco.visit", "tobacco.brand_building", "tobacco.volume_request"
SHOP, OTHER_SHOP = "530100900001", "530100900002"


@pytest.fixture(scope="module", autouse=True)
def shops(console: Console) -> None:
    """Two shops, and a field of the company's own on visits."""
    enable_tobacco(console)
    retailer(console, SHOP, "清溪便民商店", "MKT-1")
    retailer(console, OTHER_SHOP, "南塘烟酒店", "MKT-1")
    rules = {"title_zh": "排队人数", "title_en": "Queue", "filterable": True}
    words = {"target": f"form:{VISIT}", "key": "cli_queue", "kind": "integer"}
    assert command(console, "custom_fields.create", KEEPER, values=json.dumps(rules), **words).code == 0


def save(console: Console, form: str, *words: str, login: str = DISTRICT) -> Printed:
    return run(console, "record", "save", YUNLING, form, *words, login=login)


def listed(console: Console, form: str, *words: str) -> list[dict[str, Any]]:
    return run(console, "record", "list", YUNLING, form, "--client", SHOP, *words).rows


def test_the_forms_of_the_enabled_plugins_are_listed(console: Console) -> None:
    forms = {row["form"]: row for row in run(console, "record", "forms", YUNLING).rows}
    assert (forms[BRAND]["subject"], forms[BRAND]["several"], forms[BRAND]["version"]) == ("client", "field", 1)
    assert "品牌培育" in forms[BRAND]["title"]
    assert forms["tobacco.retailer_grading"]["by_people"] is False
    assert "brand" in forms[BRAND]["filterable"]


def test_a_form_prints_its_schema_and_writes_its_template(console: Console, tmp_path: Path) -> None:
    words = ["record", "schema", YUNLING, BRAND, "--login", DISTRICT]
    schema = json.loads(console(*words).out)
    assert (schema["title"], schema["x-form"]) == ("品牌培育", "brand_building")
    assert json.loads(console(*words, "--locale", "en").out)["title"] == "Brand building"
    assert console("record", "schema", YUNLING, "moon.form", "--login", DISTRICT).code == 1
    file = tmp_path / "brands.xlsx"
    done = console("record", "template", YUNLING, BRAND, str(file), "--login", DISTRICT)
    assert (done.code, str(file) in done.err) == (0, True)
    sheet: Any = load_workbook(io.BytesIO(file.read_bytes())).worksheets[0]
    assert "品牌" in {cell.value for cell in sheet[1]}
    nowhere = console("record", "template", YUNLING, BRAND, str(tmp_path / "no" / "x.xlsx"), "--login", DISTRICT)
    assert (nowhere.code, "无法写入文件" in nowhere.err) == (1, True)


def test_a_record_is_saved_changed_and_its_past_kept(console: Console) -> None:
    made = save(console, BRAND, SHOP, "brand=云烟（测试）", "on_shelf=false", "shelf_share=12.5").row
    assert (made["state"], made["document"]["shelf_share"]) == ("filed", "12.5")
    changed = save(console, BRAND, SHOP, "on_shelf=true", "shelf_share=null", "--record", made["id"]).row
    assert (changed["document"]["brand"], changed["document"]["on_shelf"]) == ("云烟（测试）", True)
    assert changed["document"]["shelf_share"] is None
    assert changed["version"] == made["version"] + 1
    stale = ["--record", made["id"], "--expected-version", str(made["version"])]
    assert save(console, BRAND, SHOP, "on_shelf=false", *stale).error["code"] == "form_record_changed"
    (before,) = run(console, "record", "revisions", YUNLING, made["id"]).rows
    assert (before["revision"], before["document"]["on_shelf"]) == (1, False)
    assert "云烟（测试）" in console("record", "revisions", YUNLING, made["id"], "--login", MARKET).out
    shown = console("record", "show", YUNLING, made["id"], "--login", MARKET).out
    assert ("已上柜" in shown, "withdraw 撤销 Withdraw" in shown) == (True, True)
    revealed = run(console, "record", "show", YUNLING, made["id"], "--reveal").row
    assert (revealed["id"], revealed["revealed"]) == (made["id"], [])


def test_wrong_values_are_all_named(console: Console) -> None:
    bad = save(console, BRAND, SHOP, "on_shelf=perhaps", "colour=red").error
    assert {tuple(problem["path"]) for problem in bad["problems"]} == {("brand",), ("on_shelf",), ("colour",)}
    assert save(console, BRAND, SHOP, "brand", "brand=a").error["problems"][0]["path"] == ["brand"]
    twice = save(console, BRAND, SHOP, "brand=a", "brand=b").error
    assert twice["problems"][0]["message"] == "It stands twice."
    assert save(console, BRAND, "NOWHERE", "brand=a").error["code"] == "form_subject_not_found"
    assert save(console, "tobacco.moon", SHOP, "brand=a").error["code"] == "form_not_found"


def test_values_come_from_a_file_and_own_fields_are_filtered_by(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "visit.json"
    file.write_text(json.dumps({"visited_on": "2026-03-02", "price_tags": "met"}), encoding="utf-8")
    words = ["missing_brands=玉溪, 红塔山", "out_of_stock=true", "custom.cli_queue=4"]
    made = save(console, VISIT, SHOP, "--file", str(file), *words).row
    assert made["document"]["missing_brands"] == ["玉溪", "红塔山"]
    assert made["custom"] == {"cli_queue": 4}
    save(console, VISIT, SHOP, "visited_on=2026-03-09", 'missing_brands=["a"]', "out_of_stock=true")
    save(console, VISIT, OTHER_SHOP, "visited_on=2026-03-09")
    assert [row["id"] for row in listed(console, VISIT, "--where", "custom.cli_queue:gt:3")] == [made["id"]]
    days = ["--where", "visited_on:between:2026-03-01, 2026-03-05"]
    assert [row["id"] for row in listed(console, VISIT, *days, "--where", "out_of_stock:eq:true")] == [made["id"]]
    ordered = listed(console, VISIT, "--order", "visited_on", "--ascending")
    assert [row["document"]["visited_on"] for row in ordered] == ["2026-03-02", "2026-03-09"]
    page = listed(console, VISIT, "--order", "visited_on", "--ascending", "--size", "1")
    assert page[0]["id"] == made["id"]
    more = ["--order", "visited_on", "--ascending", "--size", "1", "--cursor", page[-1]["next_cursor"]]
    assert listed(console, VISIT, *more)[0]["document"]["visited_on"] == "2026-03-09"
    assert "2026-03-09" in console("record", "list", YUNLING, VISIT, "--login", MARKET).out
    assert listed(console, VISIT, "--until", "2026-01-01") == []
    unknown = run(console, "record", "list", YUNLING, VISIT, "--where", "wish:eq:x").error
    assert unknown["code"] == "form_field_not_filterable"
    missing = save(console, VISIT, SHOP, "--file", str(tmp_path / "none.json"))
    assert (missing.code, "无法读取文件" in missing.err) == (1, True)
    file.write_text("[1]", encoding="utf-8")
    assert "JSON" in save(console, VISIT, SHOP, "--file", str(file)).err


def test_a_request_goes_from_draft_to_approval(console: Console) -> None:
    draft = save(console, REQUEST, SHOP, "current=20", "--draft").row
    assert (draft["state"], draft["document"]) == ("draft", {"current": 20})
    words = ["asked=30", "reason=周边新建小区", "--record", draft["id"], "--state", "submitted"]
    assert save(console, REQUEST, SHOP, *words).row["state"] == "submitted"
    move = ["record", "move", YUNLING, draft["id"]]
    assert run(console, *move, "approve", login=DISTRICT).error["code"] == "form_decided_by_another"
    assert run(console, *move, "fly").error["code"] == "form_move_refused"
    assert run(console, *move, "reject", login=MARKET).error["problems"][0]["path"] == ["reason"]
    done = run(console, *move, "approve", "--expected-version", "2").row
    assert done["state"] == "approved"
    assert [row["id"] for row in listed(console, REQUEST, "--state", "approved")] == [draft["id"]]
