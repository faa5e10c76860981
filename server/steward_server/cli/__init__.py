"""The command line: `steward up`, `steward tenant list`, …; later parts add their commands here."""

from __future__ import annotations

import typer

from steward_server.cli import audit, bench, clients, database, doctor, serve, tenants, up, users
from steward_server.cli.output import catching_errors

app = typer.Typer(
    name="steward",
    help="Steward 管家：客户经理管理平台。The platform on which companies run their account managers.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("api")(serve.api)
app.command("sealer")(serve.sealer)
app.command("migrate")(database.migrate)
app.command("doctor")(doctor.doctor)
app.command("bench")(bench.bench)
app.add_typer(database.keys, name="keys")
app.add_typer(tenants.app, name="tenant")
app.add_typer(users.app, name="user")
app.add_typer(clients.app, name="client")
app.add_typer(audit.app, name="audit")


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 settings missing or wrong."""
    with catching_errors():
        app()
