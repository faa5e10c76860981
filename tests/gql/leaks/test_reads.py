"""Whatever is read, listed or counted: nothing of another tenant, nothing beyond row scope, nothing unmasked.

In three modes. With row-level security alone a tenant's own rows are all that can be shown; row scope and masks stand
in the statement and are held to in every mode.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

import pytest

from steward_graphql.execution.engine import Request
from tests.cluster import Addresses
from tests.gql.agreement.answers import Bench
from tests.gql.agreement.documents import Pool, Writer
from tests.gql.agreement.test_sweep import documents
from tests.gql.leaks.modes import Eyes, Mode, Watched, engine_in
from tests.gql.world import PEOPLE

PLACES = [("A", "am1"), ("B", "lead"), ("C", "odd")]
GENERATED = 8


def _pool(bench: Bench, letter: str) -> Pool:
    """Values of every tenant: who attacks knows them all."""
    pools = [bench.pool(one, "boss") for one in bench.world.tenants]
    mine = bench.pool(letter, "boss")
    values = {
        place: [value for pool in pools for value in list(pool.values.get(place, ()))[:6]] for place in mine.values
    }
    kinds = {kind: [v for pool in pools for v in pool.by_kind.get(kind, ())] for kind in mine.by_kind}
    return Pool(values, kinds, mine.specials)


def _asked(bench: Bench, letter: str, name: str, generated: int) -> Iterator[tuple[str, dict[str, object]]]:
    share = slice(None) if generated > GENERATED else slice(8 * PLACES.index((letter, name)), None, 8 * len(PLACES))
    for text in list(documents(bench, letter, name))[share]:
        yield text, {}
    pool, random = _pool(bench, letter), Random(f"{letter}{name}")
    for _ in range(generated):
        document = Writer(bench.api(letter), pool, random).document()
        yield document.text, document.variables


async def _look(walled: tuple[Bench, Watched], eyes: Eyes, letter: str, name: str, generated: int) -> None:
    bench, watched = walled
    scope = watched.mode is not Mode.WALL_1
    wrong: list[str] = []
    for text, variables in _asked(bench, letter, name, generated):
        eyes.asks(letter, f"{text}{variables}")
        answer = await bench.engine.execute(Request(text, None, variables), bench.world[letter].caller(name))
        body = answer.body.decode()
        codes = {error["extensions"]["code"] for error in json.loads(body).get("errors", ())}
        assert codes <= {"forbidden", "too_expensive"}, (codes, text, variables)
        wrong += [
            f"{one}\n   {text[:600]}"
            for one in eyes.problems(letter, name, body, scope=scope, record="auditEvent" in text)
        ]
    assert not wrong, f"{len(wrong)}\n" + "\n".join(wrong[:8])


@pytest.mark.parametrize(("letter", "name"), PLACES)
async def test_no_answer_shows_what_is_not_ones_own(
    walled: tuple[Bench, Watched], eyes: Eyes, letter: str, name: str
) -> None:
    if walled[1].mode is not Mode.BOTH and (letter, name) != PLACES[0]:
        pytest.skip("one person is enough for each wall alone; everybody is asked in the long form")
    await _look(walled, eyes, letter, name, GENERATED)


@pytest.mark.full
@pytest.mark.parametrize("letter", "ABC")
@pytest.mark.parametrize("name", PEOPLE)
async def test_no_answer_shows_anybody_what_is_not_theirs(
    walled: tuple[Bench, Watched], eyes: Eyes, letter: str, name: str
) -> None:
    await _look(walled, eyes, letter, name, 200)


@pytest.mark.parametrize("mode", Mode)
async def test_the_modes_are_what_they_say(
    bench: Bench, eyes: Eyes, addresses: Addresses, database_name: str, mode: Mode
) -> None:
    """Without both walls the same question shows other tenants' rows: each wall alone is what keeps them back."""
    engine, watched = engine_in(bench.world, addresses, database_name, mode)
    theirs = json.dumps([str(row.id) for row in bench.world["B"].rows["client"]])
    text = f"{{ clients(filter: {{ id: {{ in: {theirs} }} }}) {{ totalCount nodes {{ id name address }} }} }}"
    answer = await engine.execute(Request(text), bench.world["A"].caller("boss"))
    await engine.close()
    await watched.close()
    found = eyes.problems("A", "boss", answer.body.decode(), scope=False)
    assert bool(found) is (mode is Mode.NONE)
    assert len(watched.statements) == 1
