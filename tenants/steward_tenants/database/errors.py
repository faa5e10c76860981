"""Errors of reaching the database."""

from __future__ import annotations

from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual


class QueryTimeout(StewardError):
    """The statement took longer than is allowed."""

    code = "query_timeout"
    status = 503
    message = Bilingual("查询用时超过上限，已中止。", "The query took too long and was stopped.")
    remedy = Bilingual("请缩小范围、减少每页条数或加过滤条件。", "Narrow it: fewer rows a page, or more filters.")


class Overloaded(StewardError):
    """Too many requests are waiting already."""

    code = "overloaded"
    status = 503
    message = Bilingual("请求过多，暂时无法受理。", "Too many requests are waiting.")
    remedy = Bilingual("请稍后重试。", "Try again in a moment.")

    def headers(self) -> dict[str, str]:
        return {"Retry-After": "1"}


class DatabaseUnavailable(StewardError):
    """The database does not answer."""

    code = "database_unavailable"
    status = 503
    message = Bilingual("数据库暂时不可用。", "The database is not available at the moment.")
    remedy = Bilingual("请稍后重试。", "Try again in a moment.")

    def headers(self) -> dict[str, str]:
        return {"Retry-After": "2"}
