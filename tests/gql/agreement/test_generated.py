"""Generated documents over the world: the compiled statement and the reference give equal JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.gql.agreement.answers import Bench, invalid
from tests.gql.agreement.documents import Document, Pool, Writer, list_roots
from tests.gql.agreement.paths import orders
from tests.gql.world import PEOPLE

ASKED = [("A", "am1"), ("B", "lead"), ("C", "odd")]
EXAMPLES = 8
EVERYBODY = [(letter, name) for letter in "ABC" for name in PEOPLE]


async def gather_cursors(bench: Bench, letter: str, name: str, share: slice) -> Pool:
    """Have the lists that a person may see give their first cursors, in their own order and by a share of the fields;
    the values to choose from, which stay as they are now."""
    api = bench.api(letter)
    for root in list_roots(api):
        ways = ["", *(f", orderBy: {one}" for one in list(orders(api, api.entities[root.entity]))[share])]
        parts = [
            f"a{place}: {root.name}(first: 3{way}) {{ edges {{ cursor node {{ __typename }} }} }}"
            for place, way in enumerate(ways[:25])
        ]
        await bench.agree(letter, name, Document("{ " + " ".join(parts) + " }", {}, {}))
    pool = bench.pool(letter, name)
    return replace(pool, cursors={place: tuple(known) for place, known in pool.cursors.items()})


async def walk(
    bench: Bench, letter: str, name: str, examples: int, *, derandomize: bool, share: slice = slice(None)
) -> None:
    """So many generated documents as one person."""
    pool = await gather_cursors(bench, letter, name, share)
    api = bench.api(letter)
    loop = asyncio.get_running_loop()
    seen = 0

    def run(work: Callable[[], Awaitable[Any]]) -> Any:
        return asyncio.run_coroutine_threadsafe(_awaited(work), loop).result(60)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=derandomize,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(random=st.randoms(use_true_random=False))
    def documents(random: Random) -> None:
        nonlocal seen
        document = Writer(api, pool, random).document()
        assert not (wrong := invalid(api, document.text)), (wrong, document.text)
        run(lambda: bench.agree(letter, name, document))
        seen += 1

    await asyncio.to_thread(documents)
    assert seen >= examples // 2


async def _awaited(work: Callable[[], Awaitable[Any]]) -> Any:
    return await work()


@pytest.mark.parametrize(("letter", "name"), ASKED)
async def test_generated_documents_give_equal_answers(bench: Bench, letter: str, name: str) -> None:
    share = slice(ASKED.index((letter, name)), None, len(ASKED))
    await walk(bench, letter, name, EXAMPLES, derandomize=True, share=share)


@pytest.mark.full
@pytest.mark.parametrize(("letter", "name"), EVERYBODY)
async def test_thousands_of_generated_documents_give_equal_answers(bench: Bench, letter: str, name: str) -> None:
    await walk(bench, letter, name, 400, derandomize=False)
