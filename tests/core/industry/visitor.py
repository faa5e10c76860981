"""Run in a process of its own, with an installed third-party plugin in reach: enables it for a tenant, saves records
and evaluates what it declares. Prints what it saw as one JSON object."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import date
from typing import Any
from uuid import UUID

from steward_core.forms.service import save_record
from steward_core.industry.declarations import Period
from steward_core.industry.dispatcher import faults, indicator_rows, trigger_rows
from steward_core.industry.overview import contributions, plugin_overview
from steward_core.industry.registry import broken, industries
from steward_core.industry.service import enable
from steward_tenants.database.database import Database, DatabaseSettings
from steward_tenants.database.floors import load_floors
from steward_tenants.database.signing import NamedKey
from steward_tenants.errors import InvalidInput
from tests.core.factories import make_client
from tests.factories import TESTS, make_user

TODAY = date(2026, 3, 9)
MARCH = Period("2026-03", date(2026, 3, 1), date(2026, 4, 1))


async def visit(given: dict[str, Any]) -> dict[str, Any]:
    """Use the plugin `beverages` in a tenant."""
    load_floors()
    keys = tuple(NamedKey(key_id, bytes.fromhex(secret)) for key_id, secret in given["keys"])
    database = Database(DatabaseSettings(given["application"], given["directory"], keys, keys, pool_size=2))
    try:
        async with database.write(UUID(given["tenant"]), TESTS) as session:
            await enable(session, "beverages", settings={"low_stock": 10, "most_cases": 500})
            manager = make_user(session)
            await session.flush()
            clients = [make_client(session, kind="beverages_outlet", owner_id=manager.id) for _ in range(4)]
            await session.flush()
            for client, cases in zip(clients[:2], (3, 30), strict=True):
                values = {"product": "柠檬汽水", "counted_on": "2026-03-02", "cases": cases, "sold": 1}
                saved = await save_record(session, "beverages.stock_count", client.id, values, today=TODAY)
            try:
                await save_record(
                    session, "beverages.stock_count", clients[2].id, {**values, "cases": 501}, today=TODAY
                )
                refused = []
            except InvalidInput as error:
                refused = [problem.code for problem in error.problems]
            low = await trigger_rows(session, "beverages.low_stock", TODAY)
            counted = await indicator_rows(session, "beverages.counted", MARCH, TODAY)
            (state,) = [one for one in await plugin_overview(session) if one.key == "beverages"]
            return {
                "distribution": industries()["beverages"].distribution,
                "broken": [one.name for one in broken() if one.name == "beverages"],
                "computed": saved.computed,
                "refused": refused,
                "low": [[row.client_id == clients[0].id, row.figures] for row in low.rows],
                "counted": [[row.owner_id == manager.id, str(row.value)] for row in counted.rows],
                "menu": [one.key for one in (await contributions(session))["navigation"]],
                "faults": [[one.hook, one.error, one.place] for one in await faults(session)],
                "enabled": state.enabled,
            }
    finally:
        await database.dispose()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(visit(json.loads(sys.argv[1]))), ensure_ascii=False))
