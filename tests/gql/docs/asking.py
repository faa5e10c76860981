"""Sends what the guide shows to a running application: documents, curl lines, websocket messages."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets import Subprotocol
from websockets.sync.client import connect

from tests import plain_http
from tests.gql.docs.guide import differs

PASSWORD = "Quiet-Lantern-Meadow-2291"
PROTOCOL = Subprotocol("graphql-transport-ws")
_NAME = re.compile(r"\$([A-Z_]+)")


@dataclass
class Asking:
    """A reader who tries everything, with the values kept so far."""

    url: str
    kept: dict[str, Any] = field(default_factory=dict)
    jars: dict[str, httpx.Cookies] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def shell(self, text: str) -> str:
        """A line with its variables filled in."""
        known = {"URL": self.url, "PASSWORD": PASSWORD, **self.kept}
        return _NAME.sub(lambda found: str(known[found[1]]), text)

    def token(self, login: str) -> str:
        """The session token of a person."""
        if login not in self.tokens:
            answer = plain_http.post(f"{self.url}/sign-in", json={"login": login, "password": PASSWORD}, timeout=30)
            self.tokens[login] = answer.json()["access_token"]
        return self.tokens[login]

    def document(self, login: str, query: str, variables: Any) -> Any:
        """The body of the answer to a document."""
        answer = plain_http.post(
            f"{self.url}/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {self.token(login)}"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        assert "X-Budget-Remaining" in answer.headers or "data" not in answer.json()
        return answer.json()

    def curl(self, line: str, events: int = 0) -> tuple[int, Any]:
        """Status and JSON of what a line of curl gets; with `events` the last of so many."""
        words = shlex.split(self.shell(line))
        assert words.pop(0) == "curl"
        given: dict[str, list[str]] = {}
        flags, urls = set(), []
        while words:
            word = words.pop(0)
            if word in ("-s", "-N", "-G"):
                flags.add(word)
            elif word in ("-c", "-b", "-H", "-d", "-u", "--data-urlencode"):
                given.setdefault(word, []).append(words.pop(0))
            else:
                urls.append(word)
        (url,) = urls
        headers = dict(one.split(": ", 1) for one in given.get("-H", ()))
        request: dict[str, Any] = {"method": "GET", "headers": headers}
        if "-G" in flags:
            request["params"] = dict(one.split("=", 1) for one in given["--data-urlencode"])
        elif "-d" in given:
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
            request |= {"method": "POST", "content": "&".join(given["-d"]).encode()}
        name, _, secret = given.get("-u", [""])[0].partition(":")
        jar = self.jars.get(given.get("-b", [""])[0], httpx.Cookies())
        with plain_http.Client(cookies=jar, auth=(name, secret) if name else None, timeout=30) as client:
            if events:
                with client.stream(url=url, **request) as stream:
                    return stream.status_code, json.loads(_events(stream, events)[-1])
            answer = client.request(url=url, **request)
            if "-c" in given:
                self.jars[given["-c"][0]] = client.cookies
            return answer.status_code, answer.json()

    def socket(self, text: str) -> str | None:
        """Where a conversation over a websocket is not as it is written; None when it is."""
        address = self.url.replace("http", "ws", 1) + "/graphql"
        with connect(address, subprotocols=[PROTOCOL], open_timeout=20) as socket:
            for line in text.splitlines():
                if line.startswith("> "):
                    socket.send(self.shell(line[2:]) if "$TOKEN" in line else line[2:])
                else:
                    wrong = differs(json.loads(line.removeprefix("< ")), json.loads(socket.recv(timeout=20)))
                    if wrong is not None:
                        return wrong
        return None


def _events(stream: httpx.Response, many: int) -> list[str]:
    found: list[str] = []
    for line in stream.iter_lines():
        if line.startswith("data: "):
            found.append(line.removeprefix("data: "))
            if len(found) == many:
                break
    return found
