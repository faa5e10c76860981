"""Every mutation that takes an id, with ids of other tenants and of rows out of reach: refused alike, nothing changed."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from steward_graphql.declared.api import Api
from steward_graphql.execution.engine import Engine, Request
from steward_graphql.schema.names import input_of, payload_of
from steward_graphql.schema.registry import api_for
from steward_tenants.models import tenant_metadata
from tests.cluster import Addresses
from tests.gql.agreement.answers import Bench
from tests.gql.leaks.inputs import has_id, least
from tests.gql.leaks.test_ids import NOWHERE
from tests.gql.world import World

ATTACKERS = ("am1", "odd", "admin", "security", "nobody")
SUCCEED = {
    "exportClients",
    "exportOpportunities",
    "exportPeople",
    "exportPlans",
    "exportRows",
    "exportScores",
    "exportVisits",
    "submitDay",
}
"""Whose ids only narrow what is exported: of no row, or of another's, they leave nothing."""
NOISE = {"audit_event", "audit_seal", "idempotency_record", "plugin_fault"}
"""Tables in which an attempt that is refused may leave a trace."""


def belongings(superuser: str, tenant_id: UUID, *, noise: bool) -> dict[str, Any]:
    """A digest of every table of a tenant."""
    with psycopg.connect(superuser) as connection:
        return {
            name: connection.execute(
                sql.SQL(
                    "select count(*), md5(string_agg(to_jsonb(t)::text, '' order by to_jsonb(t)::text))"
                    " from app.{} t where tenant_id = %s"
                ).format(sql.Identifier(name)),
                [tenant_id],
            ).fetchone()
            for name in tenant_metadata.tables
            for name in [tenant_metadata.tables[name].name]
            if noise or name not in NOISE
        }


def _asked(mutation: Any, api: Api) -> str:
    """What is asked of a payload: the errors, and those of each item."""
    errors = "userErrors { code path message remedy }"
    payload: Any = api.schema.type_map[payload_of(mutation)]
    items = f"results {{ index {errors} }}" if "results" in payload.fields else ""
    return f"{{ __typename {errors} {items} }}"


def _refused(payload: Any) -> bool:
    return payload is not None and bool(
        payload["userErrors"] or (payload.get("results") and all(item["userErrors"] for item in payload["results"]))
    )


async def _told(engine: Engine, world: World, letter: str, name: str, mutation: Any, row_id: str) -> tuple[Any, str]:
    api = api_for(world[letter].plugins)
    text = f"mutation($input: {input_of(mutation)}!) {{ {mutation.name}(input: $input) {_asked(mutation, api)} }}"
    answer = await engine.execute(
        Request(text, None, {"input": least(mutation.arguments, row_id)}),
        world[letter].caller(name),
        locale="en",
        request_id="r",
    )
    body = answer.body.decode()
    payload = (json.loads(body).get("data") or {}).get(mutation.name)
    return payload, body.replace(row_id, "ID")


def _targets(world: World) -> list[str]:
    own = world["B"]
    rows: list[Any] = [own.people["am2"], own.units["west"], *(own.rows[table][0] for table in sorted(own.rows))]
    return [str(row.id) for row in rows]


@pytest.mark.parametrize(
    "name", ["odd", *(pytest.param(name, marks=pytest.mark.full) for name in ATTACKERS if name != "odd")]
)
async def test_ids_of_another_tenant_change_nothing_and_answer_as_ids_of_nothing(
    bench: Bench, worn: World, addresses: Addresses, database_name: str, name: str
) -> None:
    superuser = addresses.superuser(database_name)
    before = {letter: belongings(superuser, worn[letter].id, noise=True) for letter in "BC"}
    wrong = []
    for mutation in api_for(worn["A"].plugins).mutations.values():
        if not has_id(mutation.arguments):
            continue
        _, wanted = await _told(bench.engine, worn, "A", name, mutation, NOWHERE)
        if "internal_error" in wanted:
            wrong.append(f"{mutation.name}: {wanted[:300]}")
        for target in _targets(worn):
            payload, told = await _told(bench.engine, worn, "A", name, mutation, target)
            if told != wanted:
                wrong.append(f"{mutation.name} by {name}\n  {told[:300]}\n  {wanted[:300]}")
                break
            if not _refused(payload) and mutation.name not in SUCCEED:
                wrong.append(f"{mutation.name} by {name} was not refused with a user error: {told[:300]}")
                break
    after = {letter: belongings(superuser, worn[letter].id, noise=True) for letter in "BC"}
    assert {letter: _changed(before[letter], after[letter]) for letter in before} == {"B": [], "C": []}
    assert not wrong, f"{len(wrong)}\n" + "\n".join(wrong[:10])


def _changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [table for table in before if before[table] != after[table]]


async def test_rows_out_of_reach_cannot_be_changed(
    bench: Bench, worn: World, addresses: Addresses, database_name: str
) -> None:
    """An account manager and another's rows; somebody without a role and anything."""
    superuser = addresses.superuser(database_name)
    tenant = worn["C"]
    theirs = [row for row in tenant.rows["client"] if row.owner_id == tenant.people["am2"].id and row.deputy_id is None]
    targets = [str(theirs[0].id)]
    for table in ("contact", "contract", "client_product", "arrears", "client_note", "attachment", "form_record"):
        targets += [str(row.id) for row in tenant.rows[table] if row.client_id == theirs[0].id][:1]
    wrong = []
    before = belongings(superuser, tenant.id, noise=False)
    for name in ("am1", "nobody"):
        for mutation in api_for(tenant.plugins).mutations.values():
            if not has_id(mutation.arguments):
                continue
            _, wanted = await _told(bench.engine, worn, "C", name, mutation, NOWHERE)
            for target in targets:
                payload, told = await _told(bench.engine, worn, "C", name, mutation, target)
                if told != wanted:
                    wrong.append(f"{mutation.name} by {name}\n  {told[:300]}\n  {wanted[:300]}")
                if not _refused(payload) and mutation.name not in SUCCEED:
                    wrong.append(f"{mutation.name} by {name}: {told[:300]}")
    # An export of what is within reach leaves its file, whatever id was to narrow it.
    assert set(_changed(before, belongings(superuser, tenant.id, noise=False))) <= {"stored_file"}
    assert not wrong, f"{len(wrong)}\n" + "\n".join(wrong[:10])
