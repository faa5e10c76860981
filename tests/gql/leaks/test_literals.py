"""Plans hold no value in their text: every string and number in a statement is a constant of ours."""

from __future__ import annotations

import re
from random import Random

from steward_graphql.declared.entities import camel
from steward_graphql.execution.engine import Request
from tests.cluster import Addresses
from tests.gql.agreement.answers import Bench
from tests.gql.agreement.documents import Writer
from tests.gql.agreement.test_sweep import documents
from tests.gql.leaks.modes import Mode, engine_in
from tests.source_strings import constants

STRING = re.compile(r"'((?:[^']|'')*)'")
NUMBER = re.compile(r"(?<![\w$.\"])\d+(?:\.\d+)?(?!\w)")
WORDS = re.compile(r"[A-Za-z0-9_]+")
OURS = {"true", "false", "null", "base64", "UTF8", "nodes", "edges", "node", "cursor", "pageInfo", "totalCount"}
OURS |= {"hasNextPage", "hasPreviousPage", "startCursor", "endCursor", "aggregate", "groups", "key", "count"}
OURS |= {"__typename", "sum", "average", "min", "max", "PageInfo", "Query"}
NUMBERS = {"0", "1", "10"}
PLACE = re.compile(r"\d+:")
"""Where a batched field's value goes."""
SIGNATURE = re.compile(r"[0-9a-f]{12}")


async def test_no_plan_has_a_value_in_its_text(bench: Bench, addresses: Addresses, database_name: str) -> None:
    engine, watched = engine_in(bench.world, addresses, database_name, Mode.BOTH)
    random = Random(11)
    for text in list(documents(bench, "C", "boss"))[::25]:
        await engine.execute(Request(text), bench.world["C"].caller("boss"))
    for _ in range(25):
        document = Writer(bench.api("C"), bench.pool("C", "boss"), random).document()
        await engine.execute(Request(document.text, None, document.variables), bench.world["C"].caller("lead"))
    await engine.close()
    await watched.close()
    api = bench.api("C")
    declared = OURS | set(api.schema.type_map) | {name for e in api.entities.values() for name in e.by_name}
    strange: dict[str, str] = {}
    for statement in watched.statements:
        sql = statement.decode()
        for told in STRING.findall(sql):
            if told in constants():
                continue
            for word in WORDS.findall(told):
                if (
                    camel(word) not in declared
                    and word not in OURS
                    and not SIGNATURE.fullmatch(word)
                    and not PLACE.fullmatch(told)
                ):
                    strange.setdefault(word, told)
        for number in NUMBER.findall(STRING.sub("''", sql)):
            if number not in NUMBERS:
                strange.setdefault(number, sql[:200])
    assert len(watched.statements) > 30
    assert strange == {}
