"""`steward import` and `steward export` over the demo company."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from steward_core.clients.models import Client, ClientKind
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession
from steward_tenants.directory.models import Tenant
from tests.core.factories import make_kinds
from tests.factories import TESTS
from tests.server.cli.console import ADMIN, BOSS, MANAGER, TENANT, Console, in_thread

HEADER = ["客户编码", "客户名称", "客户类型", "部门编码"]


@pytest.fixture(scope="module")
def kind(console: Console) -> str:
    """A kind of client that the demo company knows."""

    async def make() -> None:
        database = Database(console.settings)
        try:
            async with database.directory() as directory:
                tenant_id = await directory.scalar(select(Tenant.id).where(Tenant.key == TENANT))
            async with database.write(tenant_id, TESTS) as session:
                if await session.find(ClientKind, ClientKind.key == "trial") is None:
                    make_kinds(session, "trial")
        finally:
            await database.dispose()

    in_thread(lambda: asyncio.run(make()))
    return "trial"


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


def count(console: Console, start: str) -> Any:
    async def query(session: TenantSession) -> Any:
        return await session.scalar(
            select(func.count()).select_from(Client).where(session.within(Client), Client.code.startswith(start))
        )

    return console.look(query)


def test_a_file_is_checked_corrected_imported_and_undone(console: Console, kind: str, tmp_path: Path) -> None:
    rows = [["T1", "试一公司", kind, "ENT-EAST"], ["T2", "试二公司", "没有", "ENT-WEST"]]
    path = write(tmp_path / "客户.csv", rows)
    words = ["import", "file", TENANT, str(path), "--login", BOSS, "--json"]
    dry = console(*words, "--dry-run")
    assert dry.code == 1
    assert "row 3" in dry.err
    assert count(console, "T") == 0
    workbook: Any = load_workbook(tmp_path / "客户-错误.xlsx").worksheets[0]
    assert [cell.value for cell in workbook[2]][:2] == ["T2", "试二公司"]
    rows[1][2] = kind
    done = console(
        "import", "file", TENANT, str(write(path, rows)), "--login", BOSS, "--save-mapping", "客户表", "--json"
    )
    assert done.row["created"] == 2
    assert "100%" in done.err
    assert count(console, "T") == 2
    again = console(*words[:-1], "--mapping", "客户表", "--json").row
    assert again["unchanged"] == 2
    listed = console("import", "list", TENANT, "--login", BOSS, "--json").rows
    assert listed[1]["id"] == done.row["id"]
    shown = console("import", "show", TENANT, done.row["id"], "--rows", "--login", BOSS, "--json").rows
    assert [one["outcome"] for one in shown] == ["created", "created"]
    named = console("import", "mappings", TENANT, "--login", BOSS, "--json").rows
    assert {"name": "客户表", "target": "client", "from": "saved", "columns": 4} in named
    out = tmp_path / "导出.csv"
    exported = console(
        "export", TENANT, "client", str(out), "--filter", "text=试一", "--field", "code", "--login", BOSS
    )
    assert exported.code == 0, exported.err
    assert out.read_text(encoding="utf-8-sig").split() == ["客户编码", "T1"]
    undone = console("import", "undo", TENANT, done.row["id"], "--login", BOSS, "--json").row
    assert (undone["undone"], undone["status"]) == (2, "undone")
    assert count(console, "T") == 0
    refused = console("import", "resume", TENANT, done.row["id"], "--login", BOSS, "--json")
    assert refused.error["code"] == "import_not_ready"


def test_options_columns_and_rights(console: Console, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\nV1,一公司\nV1,二公司\n", encoding="utf-8")
    words = ["import", "file", TENANT, str(path), "--column", "a=code", "--column", "b=name"]
    constants = f'constants={{"kind": "{kind}"}}'
    done = console(*words, "--option", constants, "--skip-bad", "--login", BOSS, "--json").row
    assert (done["created"], done["refused"]) == (1, 1)
    assert console(*words, "--login", MANAGER, "--json").error["code"] == "forbidden"
    assert console(*words, "--option", "nothing", "--login", BOSS, "--json").error["code"] == "invalid_input"
    template = tmp_path / "模板.xlsx"
    assert console("import", "template", TENANT, str(template), "--target", "contact", "--login", BOSS).code == 0
    sheet: Any = load_workbook(template).worksheets[0]
    assert sheet["A1"].value == "客户编码"
    bad = console("export", TENANT, "client", str(tmp_path / "x.doc"), "--login", BOSS, "--json")
    assert bad.error["problems"][0]["path"] == ["file"]
    assert console("export", TENANT, "client", str(tmp_path / "x.csv"), "--filter", "colour=1", "--login", BOSS,
                   "--json").error["problems"][0]["path"] == ["filter", "colour"]  # fmt: skip
    console("import", "undo", TENANT, done["id"], "--login", BOSS, "--json")


CHURN = (
    "customerID", "gender", "SeniorCitizen", "Partner", "Dependents", "tenure", "PhoneService", "MultipleLines",
    "InternetService", "OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV",
    "StreamingMovies", "Contract", "PaperlessBilling", "PaymentMethod", "MonthlyCharges", "TotalCharges", "Churn",
)  # fmt: skip


def churn(path: Path, rows: int) -> Path:
    """A file with the headings of an operator's list of customers; every tenth row has no total."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CHURN)
        for number in range(rows):
            total = " " if number % 10 == 0 else f"{number * 7}.5"
            yes_no = ["Yes", "No"]
            writer.writerow([
                f"{7000 + number}-ABCDE", ["Female", "Male"][number % 2], number % 2, yes_no[number % 2], "No",
                number, "Yes", "No", ["DSL", "Fiber optic", "No"][number % 3], *["No"] * 6,
                ["Month-to-month", "One year", "Two year"][number % 3], "Yes",
                ["Electronic check", "Mailed check", "Bank transfer (automatic)"][number % 3], "29.85", total,
                yes_no[number % 2],
            ])  # fmt: skip
    return path


@pytest.fixture
def telecom(console: Console) -> Iterator[None]:
    """The plugin is on, and off again afterwards."""
    assert console("plugin", "enable", TENANT, "telecom", "--login", ADMIN).code == 0
    yield
    console("plugin", "disable", TENANT, "telecom", "--reason", "测试结束", "--login", ADMIN)


@pytest.mark.usefixtures("telecom")
def test_an_operators_list_comes_in_by_the_plugins_mapping(console: Console, tmp_path: Path) -> None:
    path = churn(tmp_path / "churn.csv", 50)
    words = ["import", "file", TENANT, str(path), "--option", "fact_period=2026-10", "--login", BOSS]
    dry = console(*words, "--dry-run")
    assert dry.code == 0, dry.err
    assert "customerID" in dry.out
    assert "steward import resume" in dry.err
    checked = console("import", "list", TENANT, "--status", "checked", "--login", BOSS, "--json").rows[0]
    assert (checked["rows"], checked["warnings"]) == (50, 5)
    done = console("import", "resume", TENANT, checked["id"], "--login", BOSS, "--json")
    assert (done.row["created"], done.row["warnings"]) == (50, 5)
    assert "未写入" in done.err
    assert "steward import undo" in done.err
    again = console(*words, "--json")
    assert again.row["unchanged"] == 50
    workbook = tmp_path / "churn-错误.xlsx"
    assert workbook.exists()
    assert (tmp_path / "churn-错误-2.xlsx").exists()
    changed = console("import", "undo", TENANT, done.row["id"], "--login", BOSS, "--json")
    assert changed.row["undone"] == 50
    shown = console("import", "show", TENANT, done.row["id"], "--rows", "--outcome", "undone", "--after", "30",
                    "--login", BOSS, "--json").rows  # fmt: skip
    assert [one["row"] for one in shown] == list(range(31, 52))
