"""What a worker of the API loads: each of these takes megabytes, and comes with its first use only."""

from __future__ import annotations

import subprocess
import sys

WITH_FIRST_USE = (
    "openpyxl",
    "pypinyin",
    "redis",
    "rich",
    "pygments",
    "joserfc.jwt",
    "zxcvbn",
    "obstore",
    "alembic",
    "mako",
    "reportlab",
    "fontTools",
    "PIL",
    "cryptography",
)


def test_a_worker_loads_what_it_needs() -> None:
    code = (
        "import sys\n"
        "from steward_server.cli import build\n"
        "build('api')\n"
        "from steward_graphql.schema.registry import api_for\n"
        "import steward_server.api.application\n"
        "api_for(frozenset({'telecom', 'tobacco'}))\n"
        f"print(*[name for name in {WITH_FIRST_USE!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.split() == []
