"""The demo companies with their people and nothing else, and what a person of them asks of the running application."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from steward_core.industry.declarations import DemoWorld
from steward_core.industry.registry import industries
from tests import plain_http

PASSWORD = "Quiet-Lantern-Meadow-2291"


@dataclass
class House:
    """A running application; whoever asks signs in first."""

    url: str
    tokens: dict[str, str] = field(default_factory=dict)

    def person(self, login: str) -> Person:
        """Somebody who signs in."""
        answer = plain_http.post(f"{self.url}/sign-in", json={"login": login, "password": PASSWORD}, timeout=30)
        assert answer.status_code == 200, answer.text
        return Person(self.url, answer.json()["access_token"])


@dataclass
class Person:
    """Somebody signed in."""

    url: str
    token: str

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def answer(self, document: str, **variables: Any) -> Any:
        """The whole answer."""
        sent = plain_http.post(
            f"{self.url}/graphql",
            json={"query": document, "variables": variables},
            headers=self._headers,
            timeout=60,
        )
        assert sent.status_code == 200, sent.text
        return sent.json()

    def ask(self, document: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        answer = self.answer(document, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def do(self, document: str, **variables: Any) -> Any:
        """The payload of a mutation with one field that nothing was wrong with."""
        (payload,) = self.ask(document, **variables).values()
        wrong = payload.pop("userErrors")
        assert wrong == [], wrong
        return payload

    def refused(self, document: str, **variables: Any) -> list[dict[str, Any]]:
        """What a mutation with one field was refused for."""
        (payload,) = self.ask(document, **variables).values()
        wrong: list[dict[str, Any]] = payload["userErrors"]
        assert wrong
        return wrong

    def upload(self, name: str, content: bytes, media_type: str) -> str:
        """The id of a file sent over REST."""
        headers = {**self._headers, "Content-Type": media_type}
        sent = plain_http.post(f"{self.url}/files", params={"name": name}, content=content, headers=headers, timeout=30)
        assert sent.status_code == 201, sent.text
        identifier: str = sent.json()["id"]
        return identifier

    def finish(self, run_id: str) -> dict[str, Any]:
        """The run, driven until it is over."""
        while True:
            run: dict[str, Any] = self.do(ADVANCE, run=run_id)["run"]
            if run["status"] not in ("WAITING", "RUNNING"):
                return run

    def take(self, target: str, rows: list[dict[str, Any]]) -> list[str]:
        """The ids of rows taken in as an import would."""
        ids: list[str] = self.do(TAKE, target=target, rows=rows)["ids"]
        return ids


ADVANCE = """
mutation ($run: ID!) {
  advanceRun(input: {runId: $run, seconds: 5}) { run { id status done total counts error } userErrors { code path messageEn } }
}
"""
TAKE = """
mutation ($target: String!, $rows: [JSON!]!) {
  takeRows(input: {target: $target, rows: $rows}) { ids created userErrors { code path messageEn } }
}
"""
ENABLE = """
mutation ($plugin: String!) {
  enablePlugin(input: {plugin: $plugin}) { enabled runs { id } userErrors { code path messageEn } }
}
"""


def demo_rows(
    plugin: str, today: date, units: tuple[str, ...], managers: tuple[str, ...]
) -> dict[str, list[dict[str, Any]]]:
    """A plugin's demo rows by import target, as JSON."""
    make = industries()[plugin].industry.demo
    assert make is not None
    made = make(DemoWorld(today, units, managers))
    return {target: [json.loads(json.dumps(row, default=str)) for row in rows] for target, rows in made.items()}
