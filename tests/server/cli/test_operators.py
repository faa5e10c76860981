"""What operators do at the command line: a tenant's whole life, the audit log's chain, keys."""

from __future__ import annotations

import asyncio
import csv
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from steward_tenants.audit.sealer import Sealer
from steward_tenants.database.database import Database
from steward_tenants.directory.models import Tenant
from tests.cluster import Addresses
from tests.server.cli.console import Console, in_thread

ADMIN, AUDITOR = "admin@huaxin.example", "audit@huaxin.example"
COPY = "huaxin-copy"


async def _let_the_grace_period_pass(console: Console, key: str) -> None:
    database = Database(console.settings)
    try:
        async with database.directory() as directory:
            past = datetime.now(UTC) - timedelta(minutes=1)
            await directory.execute(update(Tenant).where(Tenant.key == key).values(delete_after=past))
    finally:
        await database.dispose()


async def _seal(console: Console) -> None:
    database = Database(console.settings)
    try:
        while await Sealer(database).seal_once():
            pass
    finally:
        await database.dispose()


def test_a_tenant_is_exported_restored_deleted_and_erased(console: Console, tmp_path: Path) -> None:
    archive = tmp_path / "备份 backup.zip"
    exported = console("tenant", "export", "huaxin", "--to", str(archive), "--reason", "备份", "--json").row
    assert (archive.stat().st_mode & 0o777, exported["rows"] > 100) == (0o600, True)
    wrong = console("tenant", "restore", COPY, "--from", str(archive), "--sha256", "0" * 64, "--json")
    assert wrong.error["code"] == "archive_refused"
    words = ("tenant", "restore", COPY, "--from", str(archive), "--name", "恢复公司", "--json")
    assert console(*words, "--sha256", exported["sha256"]).row["status"] == "active"
    assert console(*words).error["code"] == "tenant_key_taken"

    deleting = ("tenant", "delete", COPY, "--to", str(tmp_path), "--reason", "试验", "--json")
    assert console(*deleting).code == 1  # nobody confirmed
    deleted = console(*deleting, "--yes").row
    assert (deleted["status"], Path(deleted["path"]).is_file()) == ("deleting", True)
    assert console("tenant", "purge", COPY, "--yes", "--json").error["code"] == "deletion_too_soon"
    assert console("tenant", "resume", COPY, "--json").row["status"] == "active"
    assert console(*deleting, "--yes").code == 0
    in_thread(lambda: asyncio.run(_let_the_grace_period_pass(console, COPY)))
    assert console("tenant", "purge", "--yes", "--json").row["rows"] > 100
    assert console("tenant", "resume", COPY, "--json").error["code"] == "tenant_not_found"
    assert archive.is_file()


def test_the_log_is_verified_against_anchors_kept_elsewhere_and_exported_by_its_auditor(
    console: Console, tmp_path: Path
) -> None:
    in_thread(lambda: asyncio.run(_seal(console)))
    anchors, events = tmp_path / "anchors.jsonl", tmp_path / "events.csv"
    assert console("audit", "export", "--anchors", "--to", str(anchors)).code == 0
    verified = console("audit", "verify", "huaxin", "--anchors", str(anchors), "--json").row
    assert (verified["intact"], verified["exported_anchors"] > 0) == (True, True)

    lines = [json.loads(line) for line in anchors.read_text().splitlines()]
    forged = [{**line, "chain": "00" * 32} for line in lines]
    anchors.write_text("".join(json.dumps(line) + "\n" for line in forged))
    found = console("audit", "verify", "huaxin", "--anchors", str(anchors), "--json")
    assert (found.code, json.loads(found.out)["intact"]) == (1, False)

    export = ("audit", "export", "huaxin", "--form", "csv", "--to", str(events))
    assert console(*export).code == 1
    assert console(*export, "--login", ADMIN).code == 1
    assert console(*export, "--login", AUDITOR).code == 0
    rows = list(csv.reader(events.read_text(encoding="utf-8-sig").splitlines()))
    assert any("tenant.create" in row for row in rows)
    assert console("audit", "maintain", "--json").code == 0


def test_tenant_keys_are_accepted_listed_and_retired(
    console: Console, addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = console.settings.application_url.rpartition("/")[2]
    monkeypatch.setenv("STEWARD_MIGRATION_URL", addresses.url("steward_migrator", database))
    fresh = console("keys", "new", "k2").out.strip()
    assert console("keys", "retire", "k1", "--yes").code == 1  # it signs
    monkeypatch.setenv("STEWARD_TENANT_KEYS", f"{os.environ['STEWARD_TENANT_KEYS']},{fresh}")
    assert console("keys", "accept").code == 0
    assert [row["key"] for row in console("keys", "list", "--json").rows] == ["k1", "k2"]
    assert console("keys", "retire", "k2", "--yes").code == 0
    assert console("keys", "retire", "k2", "--yes").code == 1
    assert [row["key"] for row in console("keys", "list", "--json").rows] == ["k1"]
    assert console("keys", "rotate-tokens").code == 0
