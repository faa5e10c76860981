"""The parameters of a GraphQL request, read from a body or an address."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from steward_graphql.execution.answers import Request
from steward_graphql.http.errors import MalformedRequest, malformed

MOST_DEPTH = 60
"""How deep objects and lists may stand inside each other in variables."""
MOST_PARAMETERS = 20


def _constant(name: str) -> Any:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""What may be half of a character."""
_decoder = json.JSONDecoder(parse_constant=_constant, parse_float=_finite)


def read_json(body: bytes) -> Any:
    """The JSON value of a body. Raises MalformedRequest: no JSON, not UTF-8, nested too deeply, half characters."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("内容不是 UTF-8 编码。", "the body is not in UTF-8.") from None
    return _value(text)


def _value(text: str) -> Any:
    try:
        value = _decoder.decode(text)
        if _HALF.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise _too_deep() from None
    except UnicodeEncodeError:
        raise malformed("含有残缺的字符。", "it has half of a character.") from None
    except ValueError:
        raise malformed("内容不是有效的 JSON。", "this is not valid JSON.") from None
    if text.count("{") + text.count("[") > MOST_DEPTH and _depth_exceeds(value, MOST_DEPTH):
        raise _too_deep()
    return value


def _too_deep() -> MalformedRequest:
    return malformed(f"JSON 最多嵌套 {MOST_DEPTH} 层。", f"JSON nests at most {MOST_DEPTH} deep.")


def _depth_exceeds(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most + 1):
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                below.extend(one.values())
            elif isinstance(one, list):
                below.extend(one)
        if not below:
            return False
        level = below
    return True


def request_of(given: Any) -> Request:
    """The request of a JSON body. Raises MalformedRequest."""
    if not isinstance(given, dict):
        raise malformed("内容应为 JSON 对象。", "the body is a JSON object.")
    query, name = given.get("query"), given.get("operationName")
    variables, extensions = given.get("variables"), given.get("extensions")
    document_id = given.get("documentId")
    for key, value in (("query", query), ("operationName", name), ("documentId", document_id)):
        if value is not None and not isinstance(value, str):
            raise malformed(f"{key} 应为文本。", f"{key} is a text.")
    for key, value in (("variables", variables), ("extensions", extensions)):
        if value is not None and not isinstance(value, dict):
            raise malformed(f"{key} 应为对象。", f"{key} is an object.")
    if query is None and document_id is None and not _names_document(extensions):
        raise malformed("缺少 query 或 documentId。", "query or documentId is missing.")
    return Request(query, name, variables or {}, extensions or {}, document_id)


def _names_document(extensions: Mapping[str, Any] | None) -> bool:
    return bool(extensions) and "persistedQuery" in (extensions or {})


def request_of_address(query_string: bytes) -> Request:
    """The request of a GET's address. Raises MalformedRequest."""
    try:
        text = query_string.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except (UnicodeDecodeError, ValueError):
        raise malformed("地址中的参数无法读取。", "the address's parameters are not readable.") from None
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name in given:
            raise malformed(f"参数 {name[:50]} 重复。", f"{name[:50]!a} is given twice.")
        given[name] = value
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = _value(given[name]) if given[name] else None
    for name in ("operationName", "documentId"):
        if not given.get(name):
            given.pop(name, None)
    return request_of(given)
