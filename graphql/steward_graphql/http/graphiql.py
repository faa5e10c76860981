"""The GraphiQL page: everything that it loads comes from here, so that it works without any other network."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from html import escape
from pathlib import Path
from typing import NamedTuple

from steward_graphql.http.calls import Scope, Send
from steward_graphql.http.negotiation import HTML

FOLDER = Path(__file__).parent / "page"
ASSETS = "/assets/"
_KINDS = {
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".txt": b"text/plain; charset=utf-8",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Scripts come from this address only. The editor sets styles on elements, which takes `unsafe-inline` there."""


class Asset(NamedTuple):
    """A file as it is sent."""

    kind: bytes
    body: bytes
    packed: bytes


@cache
def assets() -> dict[str, Asset]:
    """The files by name; read when the page is first asked for."""
    return {
        path.name: Asset(_KINDS[path.suffix], body := path.read_bytes(), gzip.compress(body, 6, mtime=0))
        for path in sorted(FOLDER.iterdir())
        if path.suffix in _KINDS
    }


@cache
def _version() -> str:
    return hashlib.sha256(b"".join(one.body for one in assets().values())).hexdigest()[:12]


def page(path: str, root: str, locale: str) -> bytes:
    """The page for an endpoint at `path`; `root` is the path under which the sign-in's addresses stand."""
    text = (FOLDER / "page.html").read_text(encoding="utf-8")
    own = escape(path.rstrip("/"), quote=True)
    for place, value in (
        ("ASSETS", own + ASSETS.rstrip("/")),
        ("ENDPOINT", own),
        ("API", escape(root.rstrip("/"), quote=True)),
        ("VERSION", _version()),
        ("LOCALE", locale),
    ):
        text = text.replace(place, value)
    return text.encode()


async def serve(scope: Scope, wanted: tuple[str, ...], send: Send, locale: str) -> bool:
    """Answer a GET that asks for the page or what it loads. False: it asks for something else."""
    path: str = scope["path"]
    name = path.rpartition(ASSETS)[2] if ASSETS in path else None
    if name is not None and name in assets():
        await _send_asset(scope, send, assets()[name])
        return True
    if not wanted or wanted[0] != HTML or b"query=" in scope.get("query_string", b""):
        return False
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", POLICY.encode()),
        (b"cache-control", b"no-store"),
        (b"vary", b"accept, accept-language"),
        (b"content-language", locale.encode()),
    ]
    await _send(send, page(path, _api_root(path), locale), headers)
    return True


def _api_root(path: str) -> str:
    """What stands before the endpoint's own path: the addresses of the REST interface begin there."""
    return path.rstrip("/").rpartition("/")[0]


async def _send_asset(scope: Scope, send: Send, asset: Asset) -> None:
    packed = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
    headers = [
        (b"content-type", asset.kind),
        (b"cache-control", b"public, max-age=86400"),
        (b"vary", b"accept-encoding"),
    ]
    if packed:
        headers.append((b"content-encoding", b"gzip"))
    await _send(send, asset.packed if packed else asset.body, headers)


async def _send(send: Send, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
