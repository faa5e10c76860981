"""Both answers to a document, the engine's and the reference's, and whether they are the same."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from graphql import parse, validate
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import create_engine

from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Value
from steward_graphql.declared.scalars import EnumKind
from steward_graphql.execution.engine import Engine, Request
from steward_graphql.schema.registry import api_for
from steward_tenants.database.database import driver_url
from tests.cluster import Addresses
from tests.factories import TESTS
from tests.gql.agreement.documents import Document, EnumName, Pool
from tests.gql.reference.conditions import shown
from tests.gql.reference.executor import Reference
from tests.gql.reference.pages import AVERAGE, CURSOR
from tests.gql.reference.tables import Tables
from tests.gql.world import ZONE, Tenant, World

ODD_VALUES: dict[str, list[Any]] = {
    "String": ["", "%", "_", "\\", "'", '"', "~", "客户", "𠮷", "a\nb", "x" * 300, "null"],
    "Int": [0, 1, -1, 2**31 - 1, -(2**31 - 1)],
    "Long": ["0", 5, "-9223372036854775807"],
    "Fen": ["0", 1000, "9000000000000004", -1],
    "Decimal": ["0", "1.250", 3, "-999999999999.5"],
    "Date": ["2026-01-01", "1999-12-31", "2026-02-28"],
    "DateTime": ["2026-03-01T16:30:15.12+08:00", "1970-01-01T00:00:00Z", "2026-03-05T08:30:15.120000+00:00"],
    "Boolean": [True, False],
    "ID": ["00000000-0000-0000-0000-000000000000"],
}


ROUNDED = Decimal("0.00000051")


@dataclass
class Bench:
    """The engine under test and the references by (tenant, person)."""

    world: World
    engine: Engine
    sql: SqlEngine
    references: dict[tuple[str, str], Reference] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    cursors: dict[tuple[str, str], dict[str, list[tuple[str, str]]]] = field(default_factory=dict)

    def api(self, letter: str) -> Api:
        """The API of a tenant's plugins."""
        return api_for(self.world[letter].plugins)

    def reference(self, letter: str, name: str) -> Reference:
        """The reference as one person."""
        if (letter, name) not in self.references:
            tenant = self.world[letter]
            self.references[letter, name] = Reference(
                self.sql, self.world.database, self.api(letter), tenant.id, tenant.actors[name], tenant.day, ZONE
            )
        return self.references[letter, name]

    def pool(self, letter: str, name: str) -> Pool:
        """What the data of a tenant has, with the cursors that this person was given."""
        if letter not in self.pools:
            self.pools[letter] = make_pool(self.sql, self.api(letter), self.world[letter], self.world)
        made = self.pools[letter]
        known = self.cursors.setdefault((letter, name), defaultdict(list))
        return Pool(made.values, made.by_kind, made.specials, known)

    async def ask(self, letter: str, name: str, text: str, variables: dict[str, Any], locale: str = "en") -> Any:
        """The engine's answer as JSON."""
        answer = await self.engine.execute(
            Request(text, None, variables, {}, None),
            self.world[letter].caller(name),
            locale=locale,
            request_id="test",
            allow_mutation=True,
        )
        return json.loads(answer.body)

    async def agree(self, letter: str, name: str, document: Document) -> Any:
        """Have both answer, and hold the answers together; the engine's."""
        given = await self.ask(letter, name, document.text, document.variables)
        told = await self.reference(letter, name).answer(parse(document.text), document.expected)
        place = f"{name}@{letter}\n{document.text}\n{json.dumps(document.variables, ensure_ascii=False)}\n{given.get('errors')}"
        assert given.get("data") is not None, place
        pairs: list[tuple[str, str]] = []
        differences = list(_differences(given["data"], told.data, "", pairs))
        assert not differences, f"{place}\n" + "\n".join(differences[:5])
        refused = {(error["extensions"]["code"], _place(error)) for error in given.get("errors", ())}
        assert refused == {("forbidden", one) for one in told.refused}, f"{place}\n{told.refused}"
        known = self.cursors.setdefault((letter, name), defaultdict(list))
        for cursor, expected in pairs:
            kept = known[expected.removeprefix(CURSOR).rpartition("|")[0]]
            if len(kept) < 30 and (cursor, expected) not in kept:
                kept.append((cursor, expected))
        return given


def _place(error: dict[str, Any]) -> str:
    if "path" in error:
        return ".".join(map(str, error["path"]))
    return str(error["extensions"]["at"])


def _differences(given: Any, wanted: Any, path: str, pairs: list[tuple[str, str]]) -> Iterator[str]:
    if isinstance(wanted, str) and wanted.startswith(CURSOR):
        if isinstance(given, str) and given:
            pairs.append((given, wanted))
        else:
            yield f"{path}: {given!r} is no cursor"
    elif isinstance(wanted, str) and wanted.startswith(AVERAGE):
        exact = Decimal(wanted.removeprefix(AVERAGE))
        # PostgreSQL gives an average 16 digits that count; answers have at most six behind the point.
        if not isinstance(given, str) or abs(Decimal(given) - exact) > max(abs(exact) * Decimal("1e-15"), ROUNDED):
            yield f"{path}: {given!r} instead of {exact}"
    elif isinstance(wanted, dict) and isinstance(given, dict):
        if list(given) != list(wanted):
            yield f"{path}: keys {list(given)} instead of {list(wanted)}"
            return
        for name, one in wanted.items():
            yield from _differences(given[name], one, f"{path}.{name}", pairs)
    elif isinstance(wanted, list) and isinstance(given, list):
        if len(given) != len(wanted):
            yield f"{path}: {len(given)} items instead of {len(wanted)}\n  {given}\n  {wanted}"
            return
        for place, (one, other) in enumerate(zip(given, wanted, strict=True)):
            yield from _differences(one, other, f"{path}[{place}]", pairs)
    elif given != wanted or type(given) is not type(wanted):
        yield f"{path}: {given!r} instead of {wanted!r}"


def make_pool(sql: SqlEngine, api: Api, tenant: Tenant, world: World) -> Pool:
    """The distinct values of every field of a tenant's rows, with ids of other tenants' rows among the ids."""
    tables = Tables(sql, api, tenant.id, TESTS, tenant.day)
    values: dict[tuple[str, str], list[Any]] = {}
    by_kind: dict[str, list[Any]] = {name: list(some) for name, some in ODD_VALUES.items()}
    for entity in api.entities.values():
        records = list(tables.records(entity).values())
        for one in entity.fields:
            if not isinstance(one, Value) or isinstance(one.kind, EnumKind) or one.argument or one.kind.name == "JSON":
                continue
            found: dict[Any, None] = {}
            for record in records:
                value = shown(one.kind, record.values[one.name], one.listed)
                found.update(dict.fromkeys(value if isinstance(value, list) else [value]))
            found.pop(None, None)
            values[entity.name, one.name] = list(found)[:40]
            by_kind[one.kind.name] += list(found)[:3]
    for other in world.tenants.values():
        by_kind["ID"] += [str(row.id) for name in ("client", "contact", "form_record") for row in other.rows[name][:3]]
    return Pool(values, by_kind, _specials(tenant))


def _specials(tenant: Tenant) -> dict[str, list[Any]]:
    units = [str(unit.id) for unit in tenant.units.values()]
    return {
        "search": ["客户甲", "k00", "客"],
        "inUnit": units,
        "below": units,
        "mine": [True, False],
        "inPool": [True, False],
        "stale": [True, False],
        "inArrears": [True, False],
        "contractEndsWithin": [0, 365, 3650],
        "permission": ["clients.view", "reveal.phone", "nothing"],
        "actionPrefix": ["clients.", "plugins", ""],
        "Client.customFields": ["hobby", "staff", "nothing"],
        "Contact.customFields": ["nick"],
        "Client.custom": [
            [{"key": "staff", "op": EnumName("GE"), "value": 4}],
            [{"key": "hobby", "op": EnumName("IS_NULL")}],
            [{"key": "choice", "op": EnumName("EQ"), "value": "x"}, {"key": "staff", "op": EnumName("LT"), "value": 9}],
        ],
        "Contact.custom": [[{"key": "nick", "op": EnumName("STARTS_WITH"), "value": "昵"}]],
    }


def invalid(api: Api, text: str) -> list[str]:
    """What is wrong with a document by the schema."""
    return [error.message for error in validate(api.schema, parse(text))]


def superuser(addresses: Addresses, name: str) -> SqlEngine:
    """An engine that no policy binds, for the reference alone."""
    return create_engine(driver_url(addresses.superuser(name)), pool_size=1, max_overflow=0)
