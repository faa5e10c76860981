"""Exceptions as typed errors: nothing internal, the right code."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from steward_graphql.execution.problems import entry, told_of
from steward_tenants.database.pipeline import StatementFailed
from steward_tenants.errors import NotFound, invalid


def failed(kind: Any, error: type[psycopg.Error]) -> Exception:
    made: Exception = kind("select 'secret'", {}, error("secret"))
    return made


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound(kind="x"), "not_found"),
        (StaleDataError("secret"), "conflict"),
        (PoolTimeout("secret"), "database_unavailable"),
        (failed(IntegrityError, psycopg.errors.UniqueViolation), "conflict"),
        (failed(IntegrityError, psycopg.errors.CheckViolation), "internal_error"),
        (failed(DBAPIError, psycopg.errors.QueryCanceled), "query_timeout"),
        (failed(DBAPIError, psycopg.errors.DeadlockDetected), "conflict"),
        (failed(DBAPIError, psycopg.errors.AdminShutdown), "database_unavailable"),
        (failed(DBAPIError, psycopg.OperationalError), "database_unavailable"),
        (psycopg.errors.QueryCanceled("secret"), "query_timeout"),
        (StatementFailed("42703"), "internal_error"),
        (RuntimeError("secret"), "internal_error"),
    ],
)
def test_exceptions_become_typed_errors(error: Exception, code: str) -> None:
    told = told_of(error)
    assert told.code == code
    for locale in ("zh-CN", "en"):
        assert "secret" not in json.dumps(entry(told, locale, ("a", 0)))


def test_an_entry_has_both_languages() -> None:
    told = entry(invalid("fields.name", "empty", "必填。", "Required."), "zh-CN", ("a", 1, "b"))
    assert told["path"] == ["a", 1, "b"]
    assert told["extensions"]["messages"].keys() == {"zhCN", "en"}
    assert told["message"] == told["extensions"]["messages"]["zhCN"]
    (problem,) = told["extensions"]["problems"]
    assert problem == {
        "path": ["fields", "name"],
        "code": "empty",
        "message": "必填。",
        "messages": {"zhCN": "必填。", "en": "Required."},
    }
