"""`steward plugin`: switching plugins on and off in a tenant."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.output import AsJson, show
from steward_server.cli.tenant_work import reading, writing
from steward_tenants.database.session import ReadSession, WriteSession
from steward_tenants.plugins.queries import plugin_switches
from steward_tenants.plugins.service import set_plugin

app = typer.Typer(no_args_is_help=True, help="行业插件。Plugins.", rich_markup_mode=None)

Plugin = Annotated[str, typer.Argument(metavar="PLUGIN", help="插件标识。A plugin's key.")]


@app.command("list")
def list_plugins(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """List the plugins that were ever switched here. 例 example: steward plugin list huaxin --login a@hx.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        switches = await plugin_switches(session)
        return [
            {"plugin": key, "enabled": row.enabled, "changed_at": row.changed_at, "version": row.version}
            for key, row in switches.items()
        ]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("enable")
def enable(tenant: TenantKey, plugin: Plugin, login: Login, as_json: AsJson = False) -> None:
    """Switch a plugin on, with the settings that it had. 例 example: steward plugin enable huaxin telecom --login
    a@hx.example"""
    _switch(tenant, plugin, login, True, as_json)


@app.command("disable")
def disable(tenant: TenantKey, plugin: Plugin, login: Login, as_json: AsJson = False) -> None:
    """Switch a plugin off; its data stay. 例 example: steward plugin disable huaxin telecom --login a@hx.example"""
    _switch(tenant, plugin, login, False, as_json)


def _switch(tenant: str, plugin: str, login: str, enabled: bool, as_json: bool) -> None:
    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        row = await set_plugin(session, plugin, enabled=enabled)
        return {"plugin": row.plugin, "enabled": row.enabled}

    show([writing(tenant, login, task)], as_json=as_json)
