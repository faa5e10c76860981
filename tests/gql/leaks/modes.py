"""Engines that answer with one wall alone, and what an answer must not show."""

from __future__ import annotations

import re
from enum import Enum
from uuid import UUID

from sqlalchemy import make_url

from steward_graphql.execution.engine import Engine
from steward_tenants.database.database import Database
from steward_tenants.database.pipeline import Pipelines, Rows
from tests.cluster import Addresses
from tests.gql.agreement.answers import Bench
from tests.gql.world import MARK, Marked, World
from tests.statement_watch import unwatched

TENANT_PREDICATE = re.compile(rb"(?:\w+\.)?tenant_id = (\$\d+::UUID)")
ANYWHERE = {"tenant", "name of tenant_user", "name of client", "org_unit", "role"}
"""Marks that rows within reach may show although the marked row is not: names of people, units, clients and roles, as
of the other side of a hand-over, a merge, a pair of duplicates."""
CONFIGURATION = {"client_kind", "client_tier", "product", "custom_field", "import_batch", "run", "hand_over", "grading"}
"""Rows whose reach is not a matter of a row's owner; the reference decides on them."""


class Mode(Enum):
    """Which walls stand."""

    BOTH = "both walls"
    WALL_1 = "row-level security alone"
    WALL_2 = "predicates alone"
    NONE = "no wall, to prove that the others stand"


class Watched(Pipelines):
    """Keeps the text of every statement; in the mode without wall 2 takes the tenant's predicates out of it."""

    def __init__(self, database: Database, addresses: Addresses, name: str, mode: Mode) -> None:
        super().__init__(database, 2)
        self.mode = mode
        self.statements: set[bytes] = set()
        if mode in (Mode.WALL_2, Mode.NONE):
            url = make_url(addresses.superuser(name)).set(drivername="postgresql")
            self.conninfo = url.render_as_string(hide_password=False)

    async def fetch(
        self, plan_sql: bytes, parameters: list[bytes | None], tenant_id: UUID, *, expensive: bool = False
    ) -> Rows:
        self.statements.add(plan_sql)
        if self.mode not in (Mode.WALL_1, Mode.NONE):
            return await super().fetch(plan_sql, parameters, tenant_id, expensive=expensive)
        stripped = TENANT_PREDICATE.sub(rb"(\1 is not null)", plan_sql)
        assert b"tenant_id = " not in stripped
        with unwatched("wall 2 is taken down on purpose"):
            return await super().fetch(stripped, parameters, tenant_id, expensive=expensive)


def engine_in(world: World, addresses: Addresses, name: str, mode: Mode) -> tuple[Engine, Watched]:
    """An engine whose reads go through these walls."""
    engine = Engine(world.database, connections=2)
    watched = Watched(world.database, addresses, name, mode)
    engine.pipelines = watched
    return engine, watched


class Eyes:
    """Says what of an answer somebody must not see."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._asked: dict[str, set[str]] = {letter: set() for letter in bench.world.tenants}
        self.marks = bench.world.marks
        self.sensitive = re.compile("|".join(sorted(map(re.escape, bench.world.sensitive))))
        self.ids: dict[str, str] = {
            str(row.id): tenant.letter
            for tenant in bench.world.tenants.values()
            for rows in (*tenant.rows.values(), tenant.people.values(), tenant.units.values())
            for row in rows
            if hasattr(row, "id")
        }

    def asks(self, letter: str, text: str) -> None:
        """Somebody of a tenant names these ids themselves: a question on record holds what was asked."""
        self._asked[letter] |= {one for one in self.ids if one in text}

    def problems(self, letter: str, name: str, body: str, *, scope: bool = True, record: bool = False) -> list[str]:
        """What stands in an answer and should not; `scope` False: other tenants' things only. `record`: it is read from
        the tenant's audit log, which holds what its people asked."""
        known = self._asked[letter] if record else set()
        found = [f"the value {one!r} in full" for one in self.sensitive.findall(body)]
        for mark in {match[0] for match in MARK.finditer(body)}:
            what = self.marks[mark]
            if what.letter != letter:
                found.append(f"{mark}: {what.table} of tenant {what.letter}")
            elif scope and not self._visible(letter, name, what):
                found.append(f"{mark}: {what.table} out of reach")
        found += [
            f"the id {one} of tenant {owner}: …{body[max(0, body.index(one) - 150) : body.index(one) + 50]}"
            for one, owner in self.ids.items()
            if owner != letter and one not in known and one in body
        ]
        return found

    def _visible(self, letter: str, name: str, what: Marked) -> bool:
        reference = self.bench.reference(letter, name)
        if what.table in ANYWHERE or what.row_id == reference.actor.id:
            return True
        for entity in reference.api.entities.values():
            if entity.table.__tablename__ != what.table or entity.key != ("id",):
                continue
            record = reference.tables.records(entity).get((what.row_id,))
            if record is not None and reference.tables.belongs(record) and reference.tables.reaches(record):
                return True
        return what.table in CONFIGURATION or what.table == "audit_event"
