"""Every indicator of the plugins says what lies behind it."""

from __future__ import annotations

import pytest

from steward_core.industry.registry import industries
from tests.plugins.behind import CHECKS


@pytest.mark.parametrize("plugin", ["telecom", "tobacco"])
def test_every_indicator_declares_its_evidence_and_is_checked(plugin: str) -> None:
    declared = industries()[plugin].industry.indicators
    assert {one.key for one in declared if one.evidence is None} == set()
    assert {key for key in CHECKS if key.startswith(f"{plugin}.")} == {f"{plugin}.{one.key}" for one in declared}
