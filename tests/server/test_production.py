"""A server of one's own: prepared, migrated, diagnosed and served by the documented commands, settings in `.env`."""

from __future__ import annotations

import email
import json
import os
import re
import subprocess
import sys
import time
from email.policy import default
from pathlib import Path

import httpx

from steward_server.embedded.home import EmbeddedHome
from tests import plain_http
from tests.cluster import PASSWORDS, SECRET_KEYS, TENANT_KEYS, Addresses
from tests.server.api.live import as_text

PASSWORD = "Quiet-Lantern-Meadow-2291"


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("STEWARD_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", *words],
        cwd=folder,
        env={**plain, "PYTHONUTF8": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def write_settings(folder: Path, addresses: Addresses, database: str, port: int) -> None:
    values = {
        "STEWARD_DATABASE_URL": addresses.url("steward_app", database),
        "STEWARD_DIRECTORY_URL": addresses.url("steward_directory", database),
        "STEWARD_MIGRATION_URL": addresses.url("steward_migrator", database),
        "STEWARD_REDIS_URL": addresses.redis_url,
        "STEWARD_TENANT_KEYS": as_text(TENANT_KEYS),
        "STEWARD_SECRET_KEYS": as_text(SECRET_KEYS),
        "STEWARD_PUBLIC_URL": f"http://localhost:{port}",
        "STEWARD_LISTEN_PORT": str(port),
        "STEWARD_FILES_PATH": str(folder / "files"),
    }
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")


def invitations(folder: Path) -> dict[str, str]:
    """The token in each letter, by whom it went to."""
    tokens = {}
    for path in (folder / "mail").glob("*.eml"):
        letter = email.message_from_bytes(path.read_bytes(), policy=default)
        body = letter.get_body()
        assert body is not None
        found = re.search(r"#token=(\S+)", body.get_content())
        assert found is not None
        tokens[str(letter["To"])] = found[1]
    return tokens


def test_a_server_of_ones_own(addresses: Addresses, worker_id: str, tmp_path: Path) -> None:
    database = f"steward_own_{worker_id}"
    port = EmbeddedHome(tmp_path / "ports").port("api")
    addresses.drop(database)
    try:
        prepare = ("steward_tenants.database.bootstrap", addresses.superuser_dsn, database)
        assert "STEWARD_APP_PASSWORD" in run(tmp_path, *prepare).stderr
        prepared = run(tmp_path, *prepare, **{f"{role.upper()}_PASSWORD": word for role, word in PASSWORDS.items()})
        assert prepared.returncode == 0, prepared.stderr

        unset = run(tmp_path, "steward_server", "migrate", STEWARD_DATABASE_URL=addresses.url("steward_app", database))
        assert unset.returncode == 3
        assert "STEWARD_TENANT_KEYS" in unset.stderr

        write_settings(tmp_path, addresses, database, port)
        refused = run(tmp_path, "steward_server", "up")
        assert refused.returncode == 1
        assert "STEWARD_DATABASE_URL" in refused.stderr
        before = run(tmp_path, "steward_server", "doctor", "--json")
        assert before.returncode == 1
        assert "steward migrate" in before.stdout
        assert run(tmp_path, "steward_server", "migrate", "--check").returncode == 1
        migrated = run(tmp_path, "steward_server", "migrate")
        assert migrated.returncode == 0, migrated.stderr
        assert run(tmp_path, "steward_server", "migrate", "--check").returncode == 0
        healthy = run(tmp_path, "steward_server", "doctor", "--json")
        assert healthy.returncode == 0, healthy.stdout

        names = ("--name", "远山电力", "--admin", "a@yuanshan.example", "--admin-name", "高原")
        more = ("--security", "s@yuanshan.example", "--security-name", "江川", "--json")
        created = run(tmp_path, "steward_server", "tenant", "create", "yuanshan", *names, *more)
        assert created.returncode == 0, created.stderr
        assert json.loads(created.stdout)["invited"] == ["a@yuanshan.example", "s@yuanshan.example"]
        _serve_and_arrive(tmp_path, port)
    finally:
        addresses.drop(database)


def _serve_and_arrive(folder: Path, port: int) -> None:
    """The invited administrator sets a password, signs in and is who the invitation says."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("STEWARD_")}
    with (folder / "api.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "steward_server", "api"], cwd=folder, env=plain, stdout=log, stderr=log
        )
    try:
        with plain_http.Client(base_url=f"http://localhost:{port}", timeout=30) as client:
            for _ in range(300):
                try:
                    if client.get("/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    assert server.poll() is None, (folder / "api.log").read_text(encoding="utf-8")
                time.sleep(0.1)
            token = invitations(folder)["a@yuanshan.example"]
            accepted = client.post("/invitations/accept", json={"token": token, "password": PASSWORD})
            assert accepted.status_code < 300, accepted.text
            signed_in = client.post("/sign-in", json={"login": "a@yuanshan.example", "password": PASSWORD}).json()
            me = client.get("/me", headers={"Authorization": f"Bearer {signed_in['access_token']}"}).json()
            assert (me["name"], me["tenant"]["name"]) == ("高原", "远山电力")
            assert "people.manage" in {permission["key"] for permission in me["permissions"]}
    finally:
        server.terminate()
        server.wait(20)
