"""Floors above are found by their entry points; one that is broken is never passed over."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest

from steward_tenants.database import floors, migrate
from steward_tenants.database.floors import GROUP, Floor, FloorBroken, load_floors
from steward_tenants.lifecycle.export import schema_revision
from steward_tenants.models import tenant_metadata


def _install(monkeypatch: pytest.MonkeyPatch, **modules: object) -> None:
    entries = [
        SimpleNamespace(name=name.strip("_"), load=lambda module=module: module) for name, module in modules.items()
    ]
    monkeypatch.setattr(floors, "entry_points", lambda group: entries if group == GROUP else [])


def test_the_core_floor_is_installed_with_its_tables_and_migrations() -> None:
    core = next(floor for floor in load_floors() if floor.name == "core")
    assert core.migrations.parts[-3:] == ("steward_core", "migrations", "versions")
    assert "app.client" in tenant_metadata.tables
    assert (str(core.migrations)) in str(migrate._config().get_main_option("version_locations")).split("\n")
    assert migrate.heads() == (schema_revision(),)


def test_floors_come_in_order_of_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = SimpleNamespace(MIGRATIONS=tmp_path)
    _install(monkeypatch, second=module, first=module)
    assert load_floors.__wrapped__() == (Floor("first", tmp_path), Floor("second", tmp_path))


@pytest.mark.parametrize(
    "module", [SimpleNamespace(), SimpleNamespace(MIGRATIONS="versions"), SimpleNamespace(MIGRATIONS=Path("nowhere"))]
)
def test_a_floor_without_its_folder_is_refused(monkeypatch: pytest.MonkeyPatch, module: object) -> None:
    _install(monkeypatch, odd=module)
    with pytest.raises(FloorBroken, match="odd"):
        load_floors.__wrapped__()


def test_two_floors_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = SimpleNamespace(MIGRATIONS=tmp_path)
    _install(monkeypatch, twin=module, twin_=module)
    with pytest.raises(FloorBroken, match="twin"):
        load_floors.__wrapped__()


def test_a_floor_that_cannot_be_imported_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("lost", "steward_tenants.no_such_module", GROUP)
    monkeypatch.setattr(floors, "entry_points", lambda **_: [entry])
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        load_floors.__wrapped__()
