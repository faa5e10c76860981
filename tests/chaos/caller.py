"""A program that calls the API: notes on a client, each under a key, repeated until an answer comes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from random import Random

import httpx

WRITE = """mutation ($client: ID!, $body: String!, $key: String!) {
  writeNote(input: {clientId: $client, body: $body, idempotencyKey: $key}) { note { id } userErrors { code } } }"""
AGAIN = 0.2
PAUSE_SECONDS = 0.2
ASK_AGAIN = 0.3
"""How often something is asked for once more although it was answered."""


@dataclass
class Caller:
    """Calls until it is stopped. `answers`: the notes' ids by key; `tries` counts requests, `wrong` what no caller
    should ever be told, `last` what was last said instead of an answer."""

    url: str
    login: str
    password: str
    client_id: str
    seed: int
    answers: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    tries: int = 0
    last: str = ""
    _token: str | None = None

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self, seconds: float) -> bool:
        """Begin nothing new, and have what was begun answered; False: it was not, in time."""
        self._stop.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        random = Random(self.seed)
        with httpx.Client(base_url=self.url, timeout=10) as client:
            number = 0
            while not self._stop.wait(PAUSE_SECONDS):
                number += 1
                key = f"note-{number}"
                self.answers[key] = self._until_answered(client, key)
                if random.random() < ASK_AGAIN and self._until_answered(client, key) != self.answers[key]:
                    self.wrong.append(f"{key}: a repeat gave another note")

    def _until_answered(self, client: httpx.Client, key: str) -> str:
        while True:
            note = self._answer(client, key)
            if note is not None:
                return note
            time.sleep(AGAIN)

    def _answer(self, client: httpx.Client, key: str) -> str | None:
        """The note's id; None: no answer, or one that says to try again."""
        self.tries += 1
        try:
            if self._token is None:
                answer = client.post("/sign-in", json={"login": self.login, "password": self.password})
                self._token = answer.json()["access_token"] if answer.status_code == 200 else None
                if self._token is None:
                    self._judge(answer, frozenset({429}))
                    return None
            variables = {"client": self.client_id, "body": f"记录 {key}", "key": key}
            answer = client.post(
                "/graphql",
                json={"query": WRITE, "variables": variables},
                headers={"Authorization": f"Bearer {self._token}"},
            )
            if answer.status_code == 401:
                self._token = None
                return None
            if answer.status_code != 200:
                self._judge(answer, frozenset({429}))
                return None
            found = answer.json()
            if found.get("errors"):
                self.last = str(found["errors"])[:500]
                return None
            told = found["data"]["writeNote"]
            if told["userErrors"]:
                self.wrong.append(f"{key}: {told['userErrors']}")
                return ""
            return str(told["note"]["id"])
        except httpx.TransportError:
            return None

    def _judge(self, answer: httpx.Response, passing: frozenset[int]) -> None:
        if answer.status_code < 500 and answer.status_code not in passing:
            self.wrong.append(f"{answer.status_code} {answer.text[:200]}")
