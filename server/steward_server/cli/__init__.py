"""The command line: `steward up`, `steward tenant list`, …; later parts add their commands to the two lists here.

A command's module is imported only when that command is asked for, or when help has to name them all.
"""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from steward_server.cli.output import catching_errors

COMMANDS = {
    "up": "up:up",
    "api": "serve:api",
    "sealer": "serve:sealer",
    "worker": "work:worker",
    "scheduler": "work:scheduler",
    "migrate": "database:migrate",
    "doctor": "doctor:doctor",
    "bench": "bench:bench",
    "explain": "explain:explain",
    "export": "imports:export",
    "simulate": "simulate:simulate",
}
GROUPS = {
    "keys": "database:keys",
    "tenant": "tenants:app",
    "user": "users:app",
    "account": "accounts:app",
    "unit": "units:app",
    "role": "roles:app",
    "api-client": "api_clients:app",
    "config": "configuration:app",
    "client": "clients:app",
    "record": "records:app",
    "grading": "gradings:app",
    "insight": "insight:app",
    "run": "runs:app",
    "jobs": "jobs:app",
    "schedule": "schedules:app",
    "notice": "notices:app",
    "webhook": "webhooks:app",
    "support": "support:app",
    "privacy": "privacy:app",
    "setting": "tenant_settings:app",
    "plugin": "plugins:app",
    "file": "files:app",
    "import": "imports:app",
    "command": "commands:app",
    "audit": "audit:app",
    "graphql": "graphql:app",
}


def _load(place: str) -> object:
    module, _, name = place.partition(":")
    return getattr(import_module(f"steward_server.cli.{module}"), name)


def build(asked: str | None = None) -> typer.Typer:
    """The command line with the command `asked` alone, or with all of them when there is none of that name."""
    app = typer.Typer(
        name="steward",
        help="Steward 管家：客户经理管理平台。The platform on which companies run their account managers.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_nothing)
    known = asked in COMMANDS or asked in GROUPS
    for name, place in COMMANDS.items():
        if not known or name == asked:
            app.command(name)(_load(place))  # type: ignore[type-var]
    for name, place in GROUPS.items():
        if not known or name == asked:
            group = _load(place)
            assert isinstance(group, typer.Typer)
            app.add_typer(group, name=name)
    return app


def _nothing() -> None:
    """Steward 管家：客户经理管理平台。The platform on which companies run their account managers."""


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 settings missing or wrong."""
    with catching_errors():
        build(sys.argv[1] if len(sys.argv) > 1 else None)()
