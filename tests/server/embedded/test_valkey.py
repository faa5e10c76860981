"""The embedded Valkey, with real servers."""

import os
import sys
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from steward_server.embedded.home import EmbeddedHome
from steward_server.embedded.valkey import EmbeddedValkey
from tests.server.embedded.test_postgres import place, processes_with, read_line, run_python, wait_until_gone

__all__ = ["place"]


def test_data_port_and_password_stay(place: Path) -> None:
    with EmbeddedValkey(place / "home") as server:
        port = server.port
        with redis.Redis.from_url(server.url) as client:
            client.set("词", "存")
    with EmbeddedValkey(EmbeddedHome(place / "home")) as server, redis.Redis.from_url(server.url) as client:
        assert server.port == port
        assert client.get("词") == "存".encode()
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
        with (
            redis.Redis(port=port, password="wrong", retry=Retry(NoBackoff(), 0)) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_the_password_is_not_on_the_command_line_and_root_is_not_the_user(place: Path) -> None:
    with EmbeddedValkey(place / "home") as server:
        process = Path(f"/proc/{server.pid}")
        assert server.home.secrets.valkey_password.encode() not in (process / "cmdline").read_bytes()
        assert process.stat().st_uid == (65534 if os.geteuid() == 0 else os.geteuid())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_killing_the_parent_ends_the_server_and_keeps_the_data(place: Path) -> None:
    code = """
        import redis
        server = EmbeddedValkey(Path(sys.argv[1]))
        server.start()
        redis.Redis.from_url(server.url).set("kept", "7")
        print(server.pid, flush=True)
        time.sleep(60)
    """
    parent = run_python(code, str(place / "home"))
    read_line(parent)
    assert processes_with(str(place))
    parent.kill()
    parent.communicate()
    with EmbeddedValkey(place / "home") as server, redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"7"
    wait_until_gone(str(place))


def test_a_taken_port_is_replaced(place: Path) -> None:
    home = EmbeddedHome(place / "one")
    with EmbeddedValkey(home) as first:
        other = EmbeddedHome(place / "two")
        (place / "two" / "ports.json").write_text(f'{{"valkey": {first.port}}}')
        with EmbeddedValkey(other) as second:
            assert second.port != first.port
            remembered = second.port
        with EmbeddedValkey(other) as second:
            assert second.port == remembered
