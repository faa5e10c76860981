"""One tenant for each test, with kinds, tiers, a unit, people and a metric, and where imports work in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from steward_core.clients.models import Client, Metric
from steward_core.imports import opened
from steward_core.imports.edge import Place, Request, import_file
from steward_core.imports.models import ImportBatch, ImportEffect
from steward_core.runs.service import RunTools
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.files.store import LocalFileStore
from tests.core.factories import make_kinds, make_tiers
from tests.factories import TESTS, make_tenant, make_unit, make_user

TODAY = date(2026, 11, 22)


@dataclass(frozen=True)
class World:
    """A tenant that imports go into."""

    place: Place
    unit_id: UUID
    users: dict[str, UUID] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.place.database

    def as_actor(self, actor: Actor) -> World:
        """The same tenant, for somebody else."""
        return replace(self, place=replace(self.place, actor=actor))

    async def send(self, content: bytes, *, target: str = "client", name: str = "客户.csv", **more: Any) -> ImportBatch:
        """Store, check and apply a file."""
        skip_bad = more.pop("skip_bad", False)
        return await import_file(self.place, content, name, Request(target, **more), skip_bad=skip_bad)

    async def clients(self) -> dict[str | None, Client]:
        """The tenant's clients by code."""
        async with self.database.read(self.place.tenant_id, TESTS) as session:
            rows = await session.scalars(select(Client).where(session.within(Client)))
        return {row.code: row for row in rows}

    async def all(self, table: Any, *conditions: Any) -> list[Any]:
        """The tenant's rows of a table."""
        async with self.database.read(self.place.tenant_id, TESTS) as session:
            return list(await session.scalars(select(table).where(session.within(table), *conditions)))

    async def count(self, table: Any) -> int:
        """How many rows a table has here."""
        async with self.database.read(self.place.tenant_id, TESTS) as session:
            number: int = await session.scalar(select(func.count()).select_from(table).where(session.within(table)))
            return number

    async def effects(self, batch: ImportBatch) -> dict[int, ImportEffect]:
        """What became of a batch's rows."""
        found = await self.all(ImportEffect, ImportEffect.batch_id == batch.id)
        return {one.row_number: one for one in found}


def csv_of(header: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8-sig") -> bytes:
    """A CSV file."""
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(header)
    writer.writerows(rows)
    return target.getvalue().encode(encoding)


def problems_of(batch: ImportBatch) -> list[tuple[int, str, str]]:
    """Row, field and code of the problems that a batch shows."""
    shown: Sequence[Mapping[str, Any]] = batch.counts["problems"]
    return [(one["row"], ".".join(one["path"]), one["code"]) for one in shown]


@pytest_asyncio.fixture(loop_scope="session")
async def world(database: Database, tmp_path: Path) -> World:
    """A fresh tenant."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        make_kinds(session, "company", "shop")
        make_tiers(session)
        unit = make_unit(session, code="WEST")
        await session.flush()
        one = make_user(session, login="zhao@hx.example", employee_number="1001", unit_id=unit.id)
        two = make_user(session, login="qian@hx.example", employee_number="1002", unit_id=unit.id)
        session.add(
            Metric(key="revenue", title_zh="月收入", title_en="Monthly revenue", measure="fen", grain="month"),
            Metric(key="lines", title_zh="用户数", title_en="Lines", measure="lines", grain="month"),
        )
    place = Place(database, RunTools(LocalFileStore(tmp_path / "files"), tmp_path / "spool"), tenant_id, TESTS, TODAY)
    return World(place, unit.id, {"zhao": one.id, "qian": two.id})


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of five rows, so that few rows make several."""
    monkeypatch.setattr(opened, "CHUNK_ROWS", 5)
