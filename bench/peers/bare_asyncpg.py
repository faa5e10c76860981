"""A bare ASGI handler over asyncpg: no GraphQL, no limits; it runs a fixed statement in a transaction of its own.

Started as `uvicorn bench.peers.bare_asyncpg:app` with STEWARD_BENCH_PEER naming a JSON file: the address, the signing
key, and for each operation its statement and the parameters of each tenant.
"""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

from starlette.types import Receive, Scope, Send

from steward_tenants.database.signing import TENANT_SETTING, TenantSigner, parse_keys

_TEXTUAL = ("uuid", "int4", "int8", "date", "timestamptz", "bool", "numeric")


class Peer:
    """The handler. Header `x-company` names the tenant, `x-operation` the statement, `x-id` what fills `id_place`."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._signer = TenantSigner(parse_keys(plan["keys"]))
        self._pool: Any = None

    async def _connect(self) -> Any:
        asyncpg: Any = import_module("asyncpg")  # installed for measurements only

        async def prepare(connection: Any) -> None:
            for kind in _TEXTUAL:
                await connection.set_type_codec(kind, schema="pg_catalog", encoder=str, decoder=str, format="text")

        return await asyncpg.create_pool(self._plan["url"], min_size=10, max_size=10, init=prepare)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if self._pool is None:
            self._pool = await self._connect()
        await receive()
        headers = dict(scope["headers"])
        operation = self._plan["operations"][headers[b"x-operation"].decode()]
        company = int(headers[b"x-company"])
        parameters = operation["parameters"][company]
        if operation["id_place"] is not None:
            parameters = list(parameters)
            parameters[operation["id_place"]] = headers[b"x-id"].decode()
        token = self._signer.token(UUID(self._plan["tenants"][company]))
        async with self._pool.acquire() as connection, connection.transaction(readonly=True):
            await connection.execute("select set_config($1, $2, true)", TENANT_SETTING, token)
            row = await connection.fetchrow(operation["sql"], *parameters)
        names = operation["names"]
        body = '{"data":{' + ",".join(f'"{name}":{row[i] or "null"}' for i, name in enumerate(names)) + "}}"
        data = body.encode()
        length = (b"content-length", str(len(data)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": data})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


app = Peer(json.loads(Path(os.environ["STEWARD_BENCH_PEER"]).read_text()))
