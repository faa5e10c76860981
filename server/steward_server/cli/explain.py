"""`steward explain`: why somebody can, or can't, see something."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.naming import NOTHING, PERSON, UNIT, as_id, named
from steward_server.cli.output import AsJson, show
from steward_server.cli.roles import permission_called
from steward_server.cli.tenant_work import reading
from steward_tenants.access.explain import explain_visibility
from steward_tenants.access.rules import Decision
from steward_tenants.database.session import ReadSession

_NAMES = {"user": PERSON, "unit": UNIT}


def explain(
    tenant: TenantKey,
    viewer: Annotated[str, typer.Argument(metavar="VIEWER", help="谁在看：登录名或编号。Who looks: login or id.")],
    kind: Annotated[str, typer.Argument(metavar="KIND", help="记录种类：user、unit。Kind of record.")],
    row: Annotated[str, typer.Argument(metavar="ROW", help="登录名、部门编码或编号。Login, unit code or id.")],
    login: Login,
    field: Annotated[str | None, typer.Option("--field", help="字段，如 phone。A field, such as phone.")] = None,
    permission: Annotated[str | None, typer.Option("--permission", help="权限。A permission's key.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say why a person can, or can't, see a record, a field of it unmasked, or use a permission on it.

    例 example: steward explain huaxin zhao.ning@huaxin.example user sun.yue@huaxin.example --field phone --login
    security@huaxin.example
    """
    wanted = permission_called(permission) if permission else None

    async def task(session: ReadSession, who: Acting) -> Decision:
        names = _NAMES.get(kind)
        row_id = await named(session, names, row) if names else as_id(row) or NOTHING
        return await explain_visibility(
            session,
            await named(session, PERSON, viewer),
            kind,
            row_id,
            on=who.today,
            field=field,
            permission=wanted,
        )

    decision = reading(tenant, login, task)
    if as_json:
        show([_as_object(decision)], as_json=True)
        return
    print("✓ 可以 / allowed" if decision.allowed else "✗ 不可以 / refused")
    for reason in decision.reasons:
        print(f"  {'✓' if reason.allows else '✗'} {reason.text.zh} {reason.text.en}")


def _as_object(decision: Decision) -> dict[str, Any]:
    return {
        "allowed": decision.allowed,
        "reasons": [
            {
                "allows": reason.allows,
                "role": reason.grant.role_key if reason.grant else None,
                "zh-CN": reason.text.zh,
                "en": reason.text.en,
            }
            for reason in decision.reasons
        ],
    }
