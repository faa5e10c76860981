"""The GraphiQL page, which loads nothing from elsewhere."""

from __future__ import annotations

import gzip
import re

import pytest

from steward_graphql.http.graphiql import FOLDER, POLICY, assets
from tests.gql.http.caller import make_world

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ELSEWHERE = re.compile(rb"(?:https?:)?//[a-z0-9-]+\.[a-z]", re.IGNORECASE)
LOADS = re.compile(rb'(?:src|href)="([^"]+)"')


async def test_a_browser_gets_the_page_without_signing_in_first() -> None:
    world = make_world()
    answer = await world.ask("GET", accept=BROWSER, token=None, headers={"accept-language": "zh"})
    assert (answer.status, answer.kind, world.door.asked) == (200, "text/html; charset=utf-8", 0)
    assert answer.headers["content-security-policy"] == POLICY
    assert b'lang="zh-CN"' in answer.body
    assert b'data-endpoint="/graphql"' in answer.body
    for place in (b"ASSETS", b"VERSION", b"ENDPOINT", b"LOCALE"):
        assert place not in answer.body


async def test_all_that_the_page_loads_is_here() -> None:
    world = make_world()
    page = await world.ask("GET", accept=BROWSER, token=None)
    loads = [address.decode().partition("?")[0] for address in LOADS.findall(page.body)]
    assert len(loads) == 6
    for path in loads:
        assert path.startswith("/graphql/assets/")
        answer = await world.ask("GET", path=path, token=None, accept="*/*")
        packed = await world.ask("GET", path=path, token=None, headers={"accept-encoding": "br, gzip"})
        assert answer.status == 200
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == answer.body
        assert len(packed.body) * 2 < len(answer.body) + 1000


def test_no_address_of_elsewhere_is_loaded() -> None:
    assert "http" not in POLICY
    for own in ("page.html", "page.css", "page.js", "graphiql.css"):
        body = re.sub(rb"url\(data:[^)]*\)", b"", (FOLDER / own).read_bytes())
        assert not ELSEWHERE.search(body), own
        assert b"@import" not in body
    for name, asset in assets().items():
        assert b"sourceMappingURL" not in asset.body, name
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    assert len(re.findall(r"fetch\(", script)) == script.count("fetch(api + path") + script.count("fetch(endpoint")


def test_what_is_not_ours_comes_with_its_licences() -> None:
    text = (FOLDER / "LICENSES.txt").read_text(encoding="utf-8")
    for name in ("graphiql 3.9.0", "react 18.3.1", "react-dom 18.3.1", "codemirror", "markdown-it"):
        assert name in text
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_500_000


@pytest.mark.parametrize(
    "path", ["/graphql/assets/nothing.js", "/graphql/assets/../errors.py", "/graphql/assets/page.html"]
)
async def test_nothing_else_is_served(path: str) -> None:
    answer = await make_world().ask("GET", path=path, token=None)
    assert answer.status == 401


async def test_no_page_where_it_is_off() -> None:
    for options in ({"graphiql": False}, {"introspection": False}):
        world = make_world(**options)
        assert (await world.ask("GET", accept=BROWSER, token=None)).status == 401
        assert (await world.ask("GET", path="/graphql/assets/page.js", token=None)).status == 401


async def test_a_browser_that_brings_a_query_is_answered() -> None:
    answer = await make_world().ask("GET", accept=BROWSER, address={"query": "{ hello }"})
    assert answer.json == {"data": {"hello": "zh-CN"}}
