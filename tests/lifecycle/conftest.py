"""A file store for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from steward_tenants.files.store import LocalFileStore


@pytest.fixture
def store(tmp_path: Path) -> LocalFileStore:
    """An empty store."""
    return LocalFileStore(tmp_path / "files")
