"""The guide for integrators: its example verifies what is sent, and its tables are those of the product."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from steward_core.webhooks.rules import DELAYS, FAILURES, new_secret, signature

GUIDE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
BODY = '{"id":"1","name":"例"}'.encode()


@pytest.fixture(scope="module")
def verified() -> Callable[..., bool]:
    """The function that the guide shows."""
    (source,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, Callable[..., bool]] = {}
    exec(compile(source, "docs/webhooks.md", "exec"), names)  # noqa: S102 - the guide's own example
    return names["verified"]


def test_the_example_takes_what_is_signed(verified: Callable[..., bool]) -> None:
    secret, other, now = new_secret(), new_secret(), int(time.time())
    assert verified(signature([secret], BODY, now), BODY, secret)
    assert verified(signature([other, secret], BODY, now), BODY, secret)
    assert verified(signature([secret], BODY, 1_000), BODY, secret, now=1_299)


def test_the_example_refuses_what_is_not(verified: Callable[..., bool]) -> None:
    secret, now = new_secret(), int(time.time())
    good = signature([secret], BODY, now)
    assert not verified(good, BODY + b" ", secret)
    assert not verified(good, BODY, new_secret())
    assert not verified(signature([secret], BODY, now - 301), BODY, secret)
    assert not verified(signature([secret], BODY, now + 400), BODY, secret)
    assert not verified(good.replace(f"t={now}", f"t={now + 1}"), BODY, secret)
    for odd in ("", "t=", "v1=", f"t={now}", "t=x,v1=y", f"t={now},t={now},v1=é", f"t=-1,v1={good[-64:]}", good[:-1]):
        assert not verified(odd, BODY, secret), odd


def test_the_table_of_failures_is_whole() -> None:
    told = dict(re.findall(r"^\| `([a-z]+)` \| (.+?) \|", GUIDE, re.MULTILINE))
    del told["error"]
    assert told == {code: text.zh for code, text in FAILURES.items()}


def test_the_delays_are_told() -> None:
    assert "10 秒、30 秒、90 秒、5 分、15 分、45 分、2 时、5 时、7 时 45 分、8 时" in GUIDE
    minutes = [delay.total_seconds() / 60 for delay in DELAYS]
    assert minutes == [10 / 60, 30 / 60, 90 / 60, 5, 15, 45, 120, 300, 465, 480]
