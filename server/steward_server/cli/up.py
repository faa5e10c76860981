"""`steward up`: everything on this machine, with two invented companies in it."""

from __future__ import annotations

import asyncio
import json
import sys
import time

import typer

from steward_server import demo
from steward_server.cli.output import FAILED, say
from steward_server.cli.workplace import Embedded, names_own_servers
from steward_server.composition import make_database, make_run_tools
from steward_server.refresh import refresh_builtin_roles, refresh_schedules
from steward_server.settings import Settings
from steward_server.supervisor import Command, Supervisor, http_probe

WORKERS = 2
WORKER_STOP_SECONDS = 12.0
DEMO_MONTHS = 2
"""How many past months the demo companies live through, in the background of the first start."""
FIRST_QUERY = "{ viewer { name } clients(first: 3) { totalCount nodes { code name owner { name } } } }"


def up() -> None:
    """Start the embedded PostgreSQL and Valkey, migrate, create the demo companies, start the API, the
    scheduler and two workers; meanwhile the demo companies live through their last months.

    Ctrl-C stops all of it; the data stay in `.steward`. 例 example: steward up
    """
    if names_own_servers():
        say(
            "已设置 STEWARD_DATABASE_URL：up 只用于内置服务；请改用 steward migrate 与 steward api。\n"
            "STEWARD_DATABASE_URL is set: `up` is for the embedded services; use `steward migrate` and `steward api`."
        )
        raise typer.Exit(FAILED)
    started = time.monotonic()
    embedded = Embedded()
    try:
        settings = embedded.start()
        people = asyncio.run(_demo(settings, embedded.home.secrets.demo_password))
        supervisor = Supervisor(embedded.home.logs, say=say)
        supervisor.add(embedded.postgres)
        supervisor.add(embedded.valkey)
        program = [sys.executable, "-P", "-m", "steward_server"]
        ready = http_probe(f"{settings.public_url}/readyz")
        supervisor.add(Command("sealer", [*program, "sealer"]))
        supervisor.add(Command("api", [*program, "api", "--as-it-is"], ready=ready, ready_seconds=60))
        # After the API, which people wait for; jobs may wait a second longer.
        supervisor.add(Command("scheduler", [*program, "scheduler"]))
        supervisor.add(
            Command("worker", [*program, "worker", "--count", str(WORKERS)], stop_seconds=WORKER_STOP_SECONDS)
        )
        lives = [*program, "simulate", *demo.LIVELY, "--months", str(DEMO_MONTHS)]
        supervisor.add(Command("simulate", lives, once=True))
        supervisor.start()
        if not supervisor.stopping:
            _tell(settings, people, embedded.home.secrets.demo_password, time.monotonic() - started)
        code = supervisor.run()
    except KeyboardInterrupt:
        code = 0
    finally:
        embedded.stop()
    raise typer.Exit(code)


async def _demo(settings: Settings, password: str) -> list[demo.Person]:
    database = make_database(settings)
    try:
        await refresh_builtin_roles(database)
        await refresh_schedules(database)
        return await demo.ensure(database, password, make_run_tools(settings))
    finally:
        await database.dispose()


def _tell(settings: Settings, people: list[demo.Person], password: str, seconds: float) -> None:
    url = settings.public_url
    first = people[0]
    body = json.dumps({"login": first.login, "password": password})
    print(f"\nSteward 管家  {url}   （{seconds:.1f} s）")
    print(f"  接口 GraphQL   {url}/graphql   （浏览器打开即为 GraphiQL；in a browser: GraphiQL）")
    print(f"  健康 health    {url}/readyz\n  接口 OpenAPI   {url}/openapi.json\n")
    print(f"演示账号 demo sign-ins（密码 password: {password}）")
    for person in people:
        print(f"  {person.login:<34} {person.name}  {person.company} · {person.role}")
    print("\n登录并取数 sign in and read data:")
    print(
        f"  curl -s -c /tmp/steward.jar -H 'Content-Type: application/json' -d '{body}' {url}/sign-in"
        f" && curl -s -b /tmp/steward.jar {url}/me"
    )
    print("\n第一个 GraphQL 查询 a first GraphQL query:")
    print(
        f"  curl -s -b /tmp/steward.jar -H 'Content-Type: application/json' -H 'X-Steward-Request: 1'"
        f" -d '{json.dumps({'query': FIRST_QUERY})}' {url}/graphql"
    )
    print("\nCtrl-C 停止 stops everything.", flush=True)
