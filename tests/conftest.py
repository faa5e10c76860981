"""Fixtures of the whole suite: the run's servers, this worker's database, the statement watch."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from steward_tenants.database.database import Database
from steward_tenants.database.floors import load_floors
from steward_tenants.signin import passwords
from tests import statement_watch
from tests.cluster import Addresses, Cluster

# Programs that tests start are started often: they keep what they compiled, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Going through everything that lives is what collecting costs, and nearly all of it lives as long as the run.
gc.set_threshold(50_000, 20, 50)
# Drawing the first texts reads all of Unicode, and machines are shared: only what is generated counts, not how fast.
settings.register_profile(
    "steward",
    deadline=None,
    max_examples=100 if os.environ.get("STEWARD_TEST_FULL") == "1" else 40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steward")
HASHING = passwords.HASHER
"""What passwords are hashed with; the tests' made-up people have theirs hashed with less, which is most of a sign-in."""
passwords.HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
LONG = {
    "tests/chaos/test_chaos.py",
    "tests/habits/test_code.py",
    "tests/server/test_production.py",
    "tests/server/test_simulation.py",
    "tests/server/test_up.py",
}
CLUSTER = pytest.StashKey[Cluster]()
ADDRESSES = pytest.StashKey[Addresses]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "unwatched(reason): the test sends statements that lack wall 2 on purpose")
    load_floors()
    cache = getattr(config, "cache", None)
    if cache is not None:
        statement_watch.remember_in(cache.mkdir("statements"))
    statement_watch.install()
    if hasattr(config, "workerinput"):
        config.stash[ADDRESSES] = Addresses(**config.workerinput["addresses"])
        return
    if config.option.collectonly:
        return
    cluster = Cluster()
    config.stash[CLUSTER] = cluster
    config.stash[ADDRESSES] = cluster.start()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["addresses"] = node.config.stash[ADDRESSES].as_dict()


def pytest_unconfigure(config: pytest.Config) -> None:
    statement_watch.keep()
    cluster = config.stash.get(CLUSTER, None)
    if cluster is not None:
        cluster.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What takes long begins first, so that at the end no process waits for the other's last test.
    items.sort(key=lambda item: item.nodeid.partition("::")[0] not in LONG)
    if os.environ.get("STEWARD_TEST_FULL") == "1":
        return
    skip = pytest.mark.skip(reason="the long form; run ./steward test --full")
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(skip)


def pytest_collection_finish() -> None:
    """What the modules made stays until the end: no later collection goes through it."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test fails when a statement that it sent lacks wall 2."""
    watched = item.get_closest_marker("unwatched") is None
    statement_watch.SEEN.heeded = watched
    try:
        answer = yield
    finally:
        statement_watch.SEEN.heeded = True
    seen = statement_watch.SEEN.take()
    if seen and watched:
        pytest.fail("statements without wall 2:\n\n" + "\n\n".join(seen), pytrace=False)
    return answer


@pytest.fixture(scope="session")
def addresses(request: pytest.FixtureRequest) -> Addresses:
    """Where the run's servers are."""
    return request.config.stash[ADDRESSES]


@pytest.fixture(scope="session")
def database_name(addresses: Addresses, worker_id: str) -> Iterator[str]:
    """This worker's own migrated database."""
    name = f"steward_{worker_id}"
    addresses.clone(name)
    yield name
    addresses.drop(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(addresses: Addresses, database_name: str) -> AsyncIterator[Database]:
    """The kit over this worker's database. Tests share it and keep apart by making tenants of their own."""
    database = Database(addresses.settings(database_name))
    yield database
    await database.dispose()
