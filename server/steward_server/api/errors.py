"""Errors of the edge itself."""

from __future__ import annotations

from steward_tenants.errors import Forbidden, StewardError
from steward_tenants.texts import Bilingual


class ForeignOrigin(Forbidden):
    """The request comes from a page that may not act here."""

    code = "foreign_origin"
    message = Bilingual("不允许来自该网站的请求。", "Requests from this site are not allowed.")
    remedy = Bilingual(
        "请在产品自己的页面上操作，或由管理员在租户设置中允许该来源。",
        "Use the product's own pages, or have the site allowed in the tenant's settings.",
    )


class BodyTooLarge(StewardError):
    """The request's body is larger than the service takes."""

    code = "body_too_large"
    status = 413
    message = Bilingual("请求内容过大，上限 {limit} 字节。", "The request is larger than {limit} bytes.")
    remedy = Bilingual("请减小内容或分批提交。", "Send less at once.")


class NoSuchRoute(StewardError):
    """Nothing answers at this path."""

    code = "no_such_route"
    status = 404
    message = Bilingual("没有这个地址。", "There is nothing at this address.")
    remedy = Bilingual("请检查请求地址。", "Check the path.")


class MethodNotAllowed(StewardError):
    """The path exists, the method does not."""

    code = "method_not_allowed"
    status = 405
    message = Bilingual("该地址不支持此请求方法。", "This address does not take that method.")
    remedy = Bilingual("请改用 Allow 头列出的方法。", "Use a method that the Allow header lists.")


class BadRequest(StewardError):
    """The request could not be read as HTTP with the expected content."""

    code = "bad_request"
    status = 400
    message = Bilingual("无法读取请求。", "The request could not be read.")
    remedy = Bilingual("请检查内容类型与编码。", "Check its content type and encoding.")


class Unavailable(StewardError):
    """A service that is needed does not answer."""

    code = "unavailable"
    status = 503
    message = Bilingual("服务暂时不可用。", "The service is not available at the moment.")
    remedy = Bilingual("请稍后重试。", "Try again in a moment.")

    def headers(self) -> dict[str, str]:
        return {"Retry-After": "2"}
