"""Whatever is created and moved, the closure equals what a plain walk over the placements gives, day by day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import StewardError
from steward_tenants.organisation.models import UnitPath, UnitPlacement
from steward_tenants.organisation.service import cancel_move, create_unit, move_unit
from tests.factories import TESTS, make_tenant

TODAY = date(2026, 7, 1)
DAYS = 8

_days = st.integers(0, DAYS)
_units = st.integers(0, 7)
_parents = st.none() | _units
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("create"), _days, _parents),
        st.tuples(st.just("move"), _units, _days, _parents),
        st.tuples(st.just("move"), _units, _days, _parents),
        st.tuples(st.just("cancel"), _units, _days),
    ),
    min_size=12,
    max_size=24,
)

_FIRST = [("create", 0, parent) for parent in (None, 0, 1, 0, 3, 2)]


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


async def apply(session: WriteSession, step: tuple[Any, ...], units: list[UUID]) -> None:
    """One step; those that a rule refuses change nothing."""

    def unit(number: int | None) -> UUID | None:
        return units[number % len(units)] if number is not None and units else None

    kind, *values = step
    try:
        if kind == "create":
            made = await create_unit(
                session,
                code=f"U{len(units)}",
                name="部",
                parent_id=unit(values[1]),
                valid_from=day(values[0] - 3),
                today=TODAY,
            )
            units.append(made.id)
        elif units and kind == "move":
            moved = units[values[0] % len(units)]
            await move_unit(session, moved, parent_id=unit(values[2]), on=day(values[1]), today=TODAY)
        elif units:
            await cancel_move(session, units[values[0] % len(units)], on=day(values[1]), today=TODAY)
    except StewardError as refused:
        assert refused.status in (404, 409)  # noqa: PT017


def closure_on(placements: list[Any], on: date) -> set[tuple[UUID, UUID, int]]:
    """Every (ancestor, descendant, depth) of a day, by walking up."""
    parents = {
        unit: parent for unit, start, until, parent in placements if start <= on and (until is None or on < until)
    }
    pairs = set()
    for unit in parents:
        above: UUID | None = unit
        depth = 0
        while above is not None:
            assert depth <= len(parents), "a cycle"
            pairs.add((above, unit, depth))
            above = parents[above]
            depth += 1
    return pairs


async def test_the_closure_equals_a_plain_walk_on_every_day(database: Database) -> None:
    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(steps=_steps)
    def sequences(steps: list[tuple[Any, ...]]) -> None:
        cases.append(steps)

    cases: list[list[tuple[Any, ...]]] = []
    sequences()
    moves = 0
    for steps in cases:
        tenant_id = await make_tenant(database)
        units: list[UUID] = []
        async with database.write(tenant_id, TESTS) as session:
            for step in (*_FIRST, *steps):
                await apply(session, step, units)
            moves += session.audited.count("units.move")
        async with database.read(tenant_id, TESTS) as reading:
            placements = [
                tuple(row)
                for row in await reading.rows(
                    select(
                        UnitPlacement.unit_id,
                        UnitPlacement.valid_from,
                        UnitPlacement.valid_until,
                        UnitPlacement.parent_id,
                    ).where(reading.within(UnitPlacement))
                )
            ]
            paths = [
                tuple(row)
                for row in await reading.rows(
                    select(
                        UnitPath.ancestor_id,
                        UnitPath.descendant_id,
                        UnitPath.depth,
                        UnitPath.valid_from,
                        UnitPath.valid_until,
                    ).where(reading.within(UnitPath))
                )
            ]
        for number in range(-4, DAYS + 2):
            stored = [(a, d, n) for a, d, n, start, until in paths if start <= day(number) < until]
            assert len(stored) == len(set(stored))
            assert set(stored) == closure_on(placements, day(number))
    assert moves > 50, "the sequences hardly moved anything"
