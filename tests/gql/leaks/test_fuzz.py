"""schemathesis writes operations from the schema and sends them as every role: nothing fails inside, nothing unknown is
told, and no message shows what is behind it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import pytest
import schemathesis
from graphql import StringValueNode
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from steward_graphql.schema.registry import api_for
from steward_graphql.schema.sdl import sdl
from steward_server import demo
from steward_tenants.errors import StewardError
from tests import plain_http
from tests.cluster import Addresses
from tests.server.api.live import Live, serving

PASSWORD = "Quiet-Lantern-Meadow-2291"
ROLES = ("nobody", "tenant_admin", "security_admin", "auditor", "supervisor", "account_manager")
FULL = os.environ.get("STEWARD_TEST_FULL") == "1"
EXAMPLES = 12 if FULL else 1
SHARE = 1 if FULL else 48
"""Of the operations each role takes one in so many; the long form takes them all for each."""
INSIDE = re.compile(r"Traceback|psycopg|sqlalchemy|SELECT |app\.|steward_|\.py|KeyError|NoneType", re.IGNORECASE)
LEFT_OUT = {"disablePlugin", "revokeMySessions", "endMySessions", "changePassword", "signOut"}
"""What would end the session that the walk is made with."""

TEXTS = {
    "Date": (*("2026-12-01", "1999-02-28") * 3, "2026-13-01"),
    "DateTime": (*("2026-12-01T00:00:00Z", "2020-01-01T08:00:00.5+08:00") * 3, "yesterday"),
    "Decimal": (*("1.50", "-3") * 3, "x"),
    "Fen": (*("100", "-9223372036854775807") * 3, "1.5"),
    "Long": (*("7", "-1") * 3, "99999999999999999999"),
    "ID": (*("00000000-0000-0000-0000-000000000001", "01a20418-a913-7094-983f-94a14604de47") * 3, "nothing"),
    "JSON": ("x", ""),
}
"""Mostly values of their kinds: a document with another one goes no further than validation."""


def _declare_scalars() -> None:
    for name, texts in TEXTS.items():
        schemathesis.graphql.scalar(name, st.sampled_from([StringValueNode(value=text) for text in texts]))


def codes() -> set[str]:
    """Every code that an error of ours has."""
    found, waiting = set(), [StewardError]
    while waiting:
        kind = waiting.pop()
        found.add(kind.code)
        waiting += kind.__subclasses__()
    return found


@pytest.fixture(scope="module")
def company(
    addresses: Addresses, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Live, dict[str, str]]]:
    """The demo companies behind a server, and a bearer token for each role."""
    name = f"steward_fuzz_{worker_id}"
    addresses.clone(name)
    with serving(addresses, name, tmp_path_factory.mktemp("fuzz")) as live:
        live.run(demo.ensure(live.edge.database, PASSWORD))
        logins = {person.role: person.login for person in reversed(demo.TELECOM.people)}
        tokens = {"nobody": ""}
        for role in ROLES[1:]:
            answer = plain_http.post(
                f"{live.url}/sign-in", json={"login": logins[role], "password": PASSWORD}, timeout=30
            )
            tokens[role] = answer.json()["access_token"]
        yield live, tokens
    addresses.drop(name)


@cache
def operations() -> list[Any]:
    """An operation for every query and mutation. Of one schema for all roles: what is drawn from it is prepared once."""
    _declare_scalars()
    schema = schemathesis.graphql.from_file(sdl(api_for(frozenset({"telecom"}))))
    found = [cast("Any", one).ok() for one in schema.get_all_operations()]
    return [one for one in found if one.definition.field_name not in LEFT_OUT]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_meets_an_error_that_nobody_declared(company: tuple[Live, dict[str, str]], role: str) -> None:
    live, tokens = company
    headers = {"Authorization": f"Bearer {tokens[role]}"} if tokens[role] else {}
    known = codes() - {StewardError.code}
    share = ROLES.index(role) % SHARE
    for operation in operations()[share::SHARE]:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def walk(case: Any) -> None:
            answer = plain_http.post(f"{live.url}/graphql", json={"query": case.body}, headers=headers, timeout=30)
            place = f"{role} {answer.status_code} {answer.text[:500]}\n{case.body[:1500]}"
            assert answer.status_code < 500 or answer.status_code == 503, place
            for error in answer.json().get("errors", ()):
                assert error.get("extensions", {}).get("code") in known, place
                assert not INSIDE.search(error["message"]), place
            if role == "nobody":
                assert answer.status_code == 401, place

        walk()
