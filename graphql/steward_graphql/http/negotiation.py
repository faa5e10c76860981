"""Media types, character sets and languages of requests and answers."""

from __future__ import annotations

from functools import lru_cache

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
HTML = "text/html"
_UTF8 = frozenset({"", "utf-8", "utf8"})
_REQUESTS = frozenset({JSON, RESPONSE_JSON})
LONGEST = 1_000
"""Of a header that is read. What is read is kept, so whoever sends long ones must not make that grow."""
_WILDCARDS = {"*/*": JSON, "application/*": JSON, "text/*": EVENTS}


def _parts(text: str) -> tuple[str, dict[str, str]]:
    kind, *rest = text.split(";")
    found = {}
    for part in rest:
        name, _, value = part.partition("=")
        found[name.strip().lower()] = value.strip().strip('"').lower()
    return kind.strip().lower(), found


def wanted_types(accept: str) -> tuple[str, ...]:
    """The forms of an answer that an Accept header takes, the most wanted first. Nothing said means JSON."""
    return _types(accept[:LONGEST])


@lru_cache(maxsize=500)
def _types(accept: str) -> tuple[str, ...]:
    if not accept.strip():
        return (JSON,)
    best: dict[str, float] = {}
    refused: set[str] = set()
    for text in accept.split(","):
        kind, parameters = _parts(text)
        try:
            quality = float(parameters.get("q", "1"))
        except ValueError:
            continue
        if parameters.get("charset", "") not in _UTF8:
            continue
        known = kind if kind in (RESPONSE_JSON, JSON, EVENTS, HTML) else _WILDCARDS.get(kind)
        if known is None:
            continue
        if quality <= 0:
            refused.add(known)
        elif known not in best or quality > best[known]:
            best[known] = quality
    # `sorted` keeps the order of the header where qualities are equal.
    return tuple(sorted((kind for kind in best if kind not in refused), key=lambda kind: -best[kind]))


def is_json(content_type: str) -> bool:
    """Whether a request's Content-Type says JSON in UTF-8."""
    return len(content_type) <= LONGEST and _is_json(content_type)


@lru_cache(maxsize=200)
def _is_json(content_type: str) -> bool:
    kind, parameters = _parts(content_type)
    return kind in _REQUESTS and parameters.get("charset", "") in _UTF8


def wanted_locale(accept_language: str) -> str:
    """Chinese unless the request prefers English."""
    return _locale(accept_language[:LONGEST])


@lru_cache(maxsize=500)
def _locale(accept_language: str) -> str:
    best, most = "zh", 0.0
    for part in accept_language.split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if tag[:2].lower() in ("zh", "en") and weight > most:
            best, most = tag[:2].lower(), weight
    return "en" if best == "en" else "zh-CN"
