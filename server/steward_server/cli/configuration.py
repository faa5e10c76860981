"""`steward config`: a tenant's configuration as one file, from one tenant to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from steward_core.configuration_file.document import MOST_BYTES, read_document, values_of
from steward_core.configuration_file.rules import ConfigurationChange
from steward_core.configuration_file.service import (
    NAMES,
    apply_configuration,
    as_bytes,
    configuration_changes,
    export_configuration,
)
from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.output import FAILED, AsJson, Yes, confirm, say, show
from steward_server.cli.tenant_work import reading, writing
from steward_tenants.database.session import ReadSession, WriteSession

app = typer.Typer(no_args_is_help=True, help="租户配置文件。A tenant's configuration as a file.", rich_markup_mode=None)

Sections = Annotated[
    list[str] | None,
    typer.Option("--section", help=f"只处理这些部分。Only these sections: {', '.join(NAMES)}."),
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="JSON 配置文件。A configuration file (JSON).")]


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        say(f"无法读取文件：{path}。 The file cannot be read: {error.strerror}.")
        raise typer.Exit(FAILED) from None


def _row(change: ConfigurationChange) -> dict[str, Any]:
    fields = "; ".join(f"{name}: {before!r} → {after!r}" for name, (before, after) in change.fields.items())
    return {"section": change.section, "change": change.kind.value, "key": change.key, "fields": fields}


@app.command("export")
def export(
    tenant: TenantKey,
    file: File,
    login: Login,
    sections: Sections = None,
) -> None:
    """Write what you may read of the tenant's configuration into a file.

    例 example: steward config export huaxin huaxin.json --login admin@huaxin.example
    """

    async def task(session: ReadSession, who: Acting) -> dict[str, Any]:
        return await export_configuration(session, tenant=who.tenant.key, today=who.today, sections=sections or ())

    document = reading(tenant, login, task)
    try:
        file.write_bytes(as_bytes(document))
    except OSError as error:
        say(f"无法写入文件：{file}。 The file cannot be written: {error.strerror}.")
        raise typer.Exit(FAILED) from None
    written = ", ".join(name for name in NAMES if name in document) or "—"
    say(f"已写入 {file}：{written} / written.")


@app.command("diff")
def diff(
    tenant: TenantKey,
    file: File,
    login: Login,
    sections: Sections = None,
    as_json: AsJson = False,
) -> None:
    """Show what applying a file would change. `only_here`: the file does not name it, and it stays.

    例 example: steward config diff huaxin production.json --login admin@huaxin.example
    """
    document = read_document(_content(file))

    async def task(session: ReadSession, who: Acting) -> tuple[ConfigurationChange, ...]:
        return await configuration_changes(session, document, today=who.today, sections=sections or ())

    show([_row(change) for change in reading(tenant, login, task)], as_json=as_json)


@app.command("apply")
def apply(
    tenant: TenantKey,
    file: File,
    login: Login,
    sections: Sections = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Make the tenant what a file says; if any part cannot be applied, nothing is.

    例 example: steward config apply huaxin production.json --login admin@huaxin.example --yes
    """
    document = values_of(_content(file))
    confirm(f"应用 {file} 到 {tenant}？ Apply {file} to {tenant}?", yes)

    async def task(session: WriteSession, who: Acting) -> tuple[ConfigurationChange, ...]:
        return await apply_configuration(session, document, today=who.today, sections=tuple(sections or ()))

    show([_row(change) for change in writing(tenant, login, task)], as_json=as_json)
