"""Fixtures of floor 2's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from steward_core.runs import chunks


@pytest.fixture(autouse=True)
def chunks_do_not_grow() -> Iterator[None]:
    """Chunks keep the size that a test gives them, however fast they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "GROWTH", 1)
        yield
