"""What is refused of a request before its document is looked at."""

from __future__ import annotations

from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual


class MalformedRequest(StewardError):
    """The request's parameters are not what GraphQL over HTTP says."""

    code = "malformed_request"
    status = 400
    message = Bilingual("无法读取请求：{reason}", "The request could not be read: {reason}")
    remedy = Bilingual(
        "请按 GraphQL over HTTP 规范发送 query、variables、operationName、extensions 或 documentId。",
        "Send query, variables, operationName, extensions or documentId as GraphQL over HTTP says.",
    )

    def __init__(self, reason: Bilingual) -> None:
        self.reason = reason
        super().__init__(reason=reason.en)

    @property
    def text(self) -> Bilingual:
        zh, en = self.message
        return Bilingual(zh.format(reason=self.reason.zh), en.format(reason=self.reason.en))


def malformed(zh: str, en: str) -> MalformedRequest:
    """A `MalformedRequest` with its reason."""
    return MalformedRequest(Bilingual(zh, en))


class MethodRefused(StewardError):
    """The address takes GET and POST."""

    code = "graphql_method_refused"
    status = 405
    message = Bilingual("该地址只接受 GET 与 POST。", "This address takes GET and POST.")
    remedy = Bilingual("查询可用 GET 或 POST，修改须用 POST。", "Query by GET or POST, change by POST.")

    def headers(self) -> dict[str, str]:
        return {"Allow": "GET, POST, OPTIONS"}


class NotAcceptable(StewardError):
    """The client takes none of the forms in which answers come."""

    code = "not_acceptable"
    status = 406
    message = Bilingual("无法按 Accept 所列格式答复。", "There is no answer in the forms that Accept lists.")
    remedy = Bilingual(
        "请接受 application/graphql-response+json 或 application/json（UTF-8）。",
        "Accept application/graphql-response+json or application/json, in UTF-8.",
    )


class UnsupportedContent(StewardError):
    """The body is not said to be JSON in UTF-8. Forms of foreign pages cannot say so: that keeps them out."""

    code = "unsupported_content"
    status = 415
    message = Bilingual("请求内容须为 UTF-8 编码的 JSON。", "A request's body is JSON in UTF-8.")
    remedy = Bilingual("请设置 Content-Type: application/json。", "Set Content-Type: application/json.")


class RequestTooLarge(StewardError):
    """The body is longer than is read."""

    code = "graphql_request_too_large"
    status = 413
    message = Bilingual("请求内容最多 {limit} 字节。", "A request has at most {limit} bytes.")
    remedy = Bilingual("请分批发送。", "Send less at once.")


class BatchRefused(StewardError):
    """Several operations came in one request where that is off, or too many of them."""

    code = "batch_refused"
    status = 400
    message = Bilingual(
        "一次请求最多 {limit} 个操作，实际 {actual} 个。", "A request has at most {limit} operations, here {actual}."
    )
    remedy = Bilingual(
        "请逐个发送，或在一个文档内查询多个字段。", "Send them one by one, or ask for several fields in one."
    )


class TooManyStreams(StewardError):
    """A caller holds too many streams open."""

    code = "too_many_streams"
    status = 429
    message = Bilingual("同时最多 {limit} 个订阅连接或操作。", "At most {limit} streams or operations at once.")
    remedy = Bilingual("请先关闭不用的订阅。", "Close those that are no longer needed.")


class AccessChanged(StewardError):
    """The caller's roles changed while a stream was open; it ends, so that nothing goes by what was."""

    code = "access_changed"
    status = 403
    message = Bilingual("您的权限已变更，订阅已结束。", "Your access has changed; the stream has ended.")
    remedy = Bilingual("请重新订阅。", "Subscribe again.")
