"""`steward doctor`: what is wrong, and how to mend it."""

from __future__ import annotations

import asyncio

import typer

from steward_server.cli.output import FAILED, AsJson, show
from steward_server.cli.workplace import settings_at_hand
from steward_server.diagnosis import Finding, diagnose
from steward_server.settings import Settings


def doctor(as_json: AsJson = False) -> None:
    """Try everything that the product needs; exit code 1 when something is wrong. 例 example: steward doctor --json"""

    async def run(settings: Settings) -> list[Finding]:
        return [finding async for finding in diagnose(settings)]

    with settings_at_hand() as settings:
        findings = asyncio.run(run(settings))
    rows = [
        {
            "check": finding.check,
            "ok": finding.ok if as_json else ("✓" if finding.ok else "✗"),
            "seen": finding.seen,
            "remedy": " ".join(finding.remedy) if finding.remedy else None,
        }
        for finding in findings
    ]
    show(rows, as_json=as_json)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(FAILED)
