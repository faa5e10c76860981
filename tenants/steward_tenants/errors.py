"""Typed errors: each has a code, an HTTP status, a message and a remedy in both languages.

A domain declares its own in its `errors.py` by subclassing. Nothing internal (SQL, paths, identifiers of other
tenants) belongs in a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field of an input: its path, a code, the reason and what to do."""

    path: tuple[str, ...]
    code: str
    message: Bilingual


class StewardError(Exception):
    """An error that a person may see. `values` fill the places of `message` and `remedy`."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    message: ClassVar[Bilingual] = Bilingual("系统出错，未保存任何更改。", "Something failed; nothing was changed.")
    remedy: ClassVar[Bilingual] = Bilingual(
        "请稍后重试；如仍出错，请把请求编号告知管理员。",
        "Try again later; if it stays, give the request id to your administrator.",
    )

    def __init__(self, *, problems: Sequence[FieldProblem] = (), **values: object) -> None:
        self.problems = tuple(problems)
        self.values = values
        super().__init__(self.code, values or "")

    @property
    def text(self) -> Bilingual:
        """The message with its places filled."""
        return self.message.fill(**self.values)

    @property
    def advice(self) -> Bilingual:
        """The remedy with its places filled."""
        return self.remedy.fill(**self.values)

    def headers(self) -> dict[str, str]:
        """HTTP headers that the answer should carry."""
        return {}

    def as_dict(self, locale: str) -> dict[str, Any]:
        """The error for a machine to read, texts in `locale`."""
        return {
            "code": self.code,
            "message": self.text.in_locale(locale),
            "remedy": self.advice.in_locale(locale),
            "problems": [
                {"path": list(p.path), "code": p.code, "message": p.message.in_locale(locale)} for p in self.problems
            ],
        }


class InvalidInput(StewardError):
    """One or more fields of an input were refused; `problems` names each."""

    code = "invalid_input"
    status = 422
    message = Bilingual("输入有误，未保存任何更改。", "The input was refused; nothing was changed.")
    remedy = Bilingual("请按各字段的提示修改后重试。", "Correct the fields named and send it again.")


def invalid(path: str, code: str, zh: str, en: str) -> InvalidInput:
    """An `InvalidInput` about one field; `path` is dotted (`units.3.code`)."""
    return InvalidInput(problems=[FieldProblem(tuple(path.split(".")), code, Bilingual(zh, en))])


class NotFound(StewardError):
    """The object does not exist or the actor may not know of it; the two are not told apart."""

    code = "not_found"
    status = 404
    message = Bilingual("找不到{kind}。", "No such {kind}.")
    remedy = Bilingual("请检查编号，或向管理员确认您的数据范围。", "Check the id, or ask about your data scope.")


class Conflict(StewardError):
    """Somebody else changed the object first, or a unique value is taken."""

    code = "conflict"
    status = 409
    message = Bilingual("该记录已被他人修改。", "The record was changed by someone else.")
    remedy = Bilingual("请刷新后重新提交。", "Reload it and submit again.")


class Forbidden(StewardError):
    """The actor lacks a permission or the object is outside its scope."""

    code = "forbidden"
    status = 403
    message = Bilingual("您没有“{permission}”权限。", "You lack the permission “{permission}”.")
    remedy = Bilingual("请联系安全管理员授权。", "Ask your security administrator to grant it.")


class Unauthenticated(StewardError):
    """No valid sign-in came with the request."""

    code = "unauthenticated"
    status = 401
    message = Bilingual("请先登录。", "Sign in first.")
    remedy = Bilingual("登录已失效时请重新登录。", "Sign in again if your session has ended.")

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="steward"'}


class TooManyAttempts(StewardError):
    """A rate limit or lockout; `seconds` says when to try again."""

    code = "too_many_attempts"
    status = 429
    message = Bilingual("尝试次数过多。", "Too many attempts.")
    remedy = Bilingual("请在 {seconds} 秒后重试。", "Try again in {seconds} seconds.")

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.values["seconds"])}


class TenantNotFound(StewardError):
    """No tenant has this id or key."""

    code = "tenant_not_found"
    status = 404
    message = Bilingual("租户不存在。", "There is no such tenant.")
    remedy = Bilingual("请检查租户标识。", "Check the tenant's key.")


class TenantSuspended(StewardError):
    """The tenant is suspended or being deleted: nobody works in it until it is resumed."""

    code = "tenant_suspended"
    status = 403
    message = Bilingual("该租户已停用。", "This tenant is suspended.")
    remedy = Bilingual("请联系平台运营方恢复。", "Ask the platform's operator to resume it.")
