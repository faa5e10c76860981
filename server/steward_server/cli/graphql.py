"""`steward graphql`: the schema as text, documents run as a signed-in person, what they cost, trusted documents."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import select

from steward_core.industry.errors import PluginNotInstalled
from steward_core.industry.registry import industries
from steward_core.trusted_documents.models import TrustedDocument
from steward_core.trusted_documents.service import trust_document, withdraw_document
from steward_graphql.compiler.variables import read_variables
from steward_graphql.declared.api import Api
from steward_graphql.execution.answers import Answer, Request
from steward_graphql.execution.documents import DocumentRefused, Documents
from steward_graphql.execution.engine import Engine
from steward_graphql.execution.metrics import EngineMetrics
from steward_graphql.limits.cost import MOST_POINTS, price
from steward_graphql.schema.registry import api_for
from steward_graphql.schema.sdl import sdl
from steward_server.cli.acting import Acting, Login, TenantKey, acting
from steward_server.cli.answers import plain
from steward_server.cli.output import FAILED, AsJson, say, show
from steward_server.cli.tenant_work import reading, writing
from steward_server.cli.workplace import work
from steward_server.composition import make_mailer, make_run_tools
from steward_server.settings import Settings
from steward_tenants.access.permissions import SETTINGS_MANAGE
from steward_tenants.access.rules import require
from steward_tenants.database.database import Database
from steward_tenants.database.session import ReadSession, WriteSession
from steward_tenants.errors import invalid
from steward_tenants.signin.caller import Caller

app = typer.Typer(no_args_is_help=True, help="GraphQL：接口定义与查询。The GraphQL API.", rich_markup_mode=None)

STAYS = timedelta(minutes=10)
"""How long a document that is run here counts as asked by somebody signed in."""

Document = Annotated[str | None, typer.Argument(metavar="[DOCUMENT]", help="查询文档。The document; or give --file.")]
File = Annotated[
    Path | None, typer.Option("--file", help="从文件读取文档，- 为标准输入。Read the document from a file, - is stdin.")
]
Variables = Annotated[str | None, typer.Option("--variables", help="变量（JSON 对象）。Variables, a JSON object.")]
Operation = Annotated[str | None, typer.Option("--operation", help="文档中的操作名。Which operation of the document.")]
Plugins = Annotated[
    str | None,
    typer.Option("--plugins", help="启用的插件，用逗号分隔；不填为全部。Plugins, with commas; all when left out."),
]


@app.command("schema")
def schema(plugins: Plugins = None) -> None:
    """Print the schema (SDL) that a tenant with these plugins has; `--plugins ""` is the core alone.

    例 example: steward graphql schema --plugins telecom,tobacco > schema.graphql
    """
    print(sdl(_api(plugins)), end="")


@app.command("query")
def query(
    tenant: TenantKey,
    login: Login,
    document: Document = None,
    file: File = None,
    variables: Variables = None,
    operation: Operation = None,
    english: Annotated[bool, typer.Option("--english", help="英文提示。Messages in English.")] = False,
) -> None:
    """Run a query or mutation as a person and print the answer; with errors in it the exit code is 1.

    例 example: steward graphql query huaxin '{ clients { totalCount } }' --login zhao.ning@huaxin.example
    """
    request = Request(_text(document, file), operation, _variables(variables))

    async def task(database: Database, settings: Settings) -> Answer:
        who = await acting(database, settings, tenant, login)
        caller = Caller(who.tenant.id, who.actor, None, datetime.now(UTC) + STAYS)
        engine = Engine(
            database,
            tools=make_run_tools(settings),
            mailer=make_mailer(settings),
            public_url=settings.public_url,
            connections=1,
        )
        try:
            return await engine.execute(request, caller, locale="en" if english else "zh-CN", request_id="cli")
        finally:
            await engine.close()

    answer = json.loads(work(task).body)
    print(json.dumps(answer, ensure_ascii=False, indent=2))
    if "errors" in answer:
        raise typer.Exit(FAILED)


@app.command("cost")
def cost(
    document: Document = None,
    file: File = None,
    variables: Variables = None,
    operation: Operation = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
) -> None:
    """Tell how many points a document costs, without running it; nothing is asked of any database.

    例 example: steward graphql cost '{ clients(first: 100) { nodes { name contacts { totalCount } } } }'
    """
    api = _api(plugins)
    try:
        found = Documents(EngineMetrics()).of(api, _text(document, file), operation)
    except DocumentRefused as refused:
        for one in refused.errors:
            say(str(one))
        raise typer.Exit(FAILED) from None
    points = price(api, found.cost, read_variables(api, found.operation, _variables(variables) or {}))
    show([{"points": points.points, "most": MOST_POINTS, "dearest": points.dearest}], as_json=as_json)


@app.command("trust")
def trust(
    tenant: TenantKey,
    name: Annotated[str, typer.Argument(metavar="NAME", help="文档名称。What the document is called.")],
    login: Login,
    document: Document = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Trust a document, and print the digest by which programs name it.

    例 example: steward graphql trust huaxin 客户名单 --file clients.graphql --login admin@huaxin.example
    """
    text = _text(document, file)

    async def task(session: WriteSession, _who: Acting) -> dict[str, Any]:
        return _row(await trust_document(session, name=name, text=text))

    show([writing(tenant, login, task)], as_json=as_json)


@app.command("trusted")
def trusted(tenant: TenantKey, login: Login, as_json: AsJson = False) -> None:
    """List the documents that the tenant trusts. 例 example: steward graphql trusted huaxin --login
    admin@huaxin.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        require(session.actor, SETTINGS_MANAGE)
        rows = select(TrustedDocument).where(session.within(TrustedDocument)).order_by(TrustedDocument.name)
        return [_row(row) for row in await session.scalars(rows)]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("withdraw")
def withdraw(
    tenant: TenantKey,
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="摘要，见 trusted。A digest of `trusted`.")],
    login: Login,
) -> None:
    """Trust a document no longer; servers notice within seconds.

    例 example: steward graphql withdraw huaxin sha256:0f3c… --login admin@huaxin.example
    """

    async def task(session: WriteSession, _who: Acting) -> None:
        await withdraw_document(session, digest)

    writing(tenant, login, task)


def _row(document: TrustedDocument) -> dict[str, Any]:
    return {
        "name": document.name,
        "document_id": f"sha256:{document.digest}",
        "created_at": plain(document.created_at),
        "characters": len(document.text),
    }


def _api(plugins: str | None) -> Api:
    """The API of the named plugins. Raises PluginNotInstalled."""
    installed = industries()
    chosen = set(installed) if plugins is None else {part.strip() for part in plugins.split(",") if part.strip()}
    for plugin in sorted(chosen - set(installed)):
        raise PluginNotInstalled(plugin=plugin)
    return api_for(frozenset(chosen))


def _text(document: str | None, file: Path | None) -> str:
    """The document that is given, one way or the other. Raises InvalidInput."""
    if (document is None) == (file is None):
        raise invalid(
            "document", "missing", "请给出文档或 --file，二者取一。", "Give a document or --file, one of them."
        )
    if file is None:
        return document or ""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise invalid("file", "unreadable", "无法读取该文件（须为 UTF-8）。", "It cannot be read as UTF-8.") from None


def _variables(text: str | None) -> dict[str, Any] | None:
    """The variables that are given. Raises InvalidInput."""
    if text is None:
        return None
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise invalid("variables", "form", "变量应为 JSON 对象。", "Variables are a JSON object.")
    return given
