"""Errors of the GraphQL API itself. What a document may not ask for stands in `limits.errors`."""

from __future__ import annotations

from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual


class DocumentInvalid(StewardError):
    """The document is no GraphQL. The parser's own message says where."""

    code = "syntax_error"
    status = 400
    message = Bilingual("查询文档有语法错误。", "The document has a syntax error.")
    remedy = Bilingual("请按所示位置修改文档。", "Correct the document at the place shown.")


class ValidationFailed(StewardError):
    """The document does not fit the schema. The validator's own message says where."""

    code = "validation_failed"
    status = 400
    message = Bilingual("查询文档与接口定义不符。", "The document does not fit the schema.")
    remedy = Bilingual(
        "请对照接口定义修改文档；插件启停会改变接口定义。",
        "Correct it by the schema; which plugins are on changes the schema.",
    )


class NothingAsked(StewardError):
    """The request has neither a document nor the id of one."""

    code = "nothing_asked"
    status = 400
    message = Bilingual("请求中没有查询文档。", "The request has no document.")
    remedy = Bilingual("请提供 query 或 documentId。", "Give query, or documentId.")


class MutationNotAllowed(StewardError):
    """A mutation came in a request that may only read (GET)."""

    code = "mutation_not_allowed"
    status = 405
    message = Bilingual("该请求方式只能查询，不能修改。", "This kind of request may only read.")
    remedy = Bilingual("请改用 POST 发送修改。", "Send mutations by POST.")

    def headers(self) -> dict[str, str]:
        return {"Allow": "POST"}


class SubscriptionNotAllowed(StewardError):
    """A subscription came where one answer is expected, or something else where a subscription is."""

    code = "subscription_not_allowed"
    status = 400
    message = Bilingual("该请求方式不支持此类操作。", "This kind of request does not take this operation.")
    remedy = Bilingual(
        "订阅请使用 SSE 或 WebSocket，查询与修改请使用 POST。",
        "Subscribe by SSE or WebSocket; send queries and mutations by POST.",
    )


class IntrospectionOff(StewardError):
    """The schema may not be asked for here."""

    code = "introspection_off"
    status = 400
    message = Bilingual("此处不提供接口定义的查询。", "Introspection is switched off here.")
    remedy = Bilingual("请使用随产品提供的接口定义文件。", "Use the schema files that come with the product.")


class MissingValue(StewardError):
    """A value that the schema promises is missing: a defect."""

    code = "missing_value"
    status = 500
    message = Bilingual("字段“{field}”应有值但没有。", "The field {field} should have a value and has none.")
    remedy = Bilingual("请把请求编号告知管理员。", "Give the request id to your administrator.")


class UnknownOperation(StewardError):
    """The request names an operation that its document lacks, or none where the document has several."""

    code = "unknown_operation"
    status = 400
    message = Bilingual("文档中没有可执行的操作“{name}”。", "The document has no operation “{name}” to run.")
    remedy = Bilingual(
        "请用 operationName 指明文档中的一个操作。", "Name one of the document's operations in operationName."
    )

    @property
    def text(self) -> Bilingual:
        """Which one was named, or that none was."""
        if self.values.get("name"):
            return super().text
        return Bilingual(
            "请求未指明执行文档中的哪个操作。", "The request does not say which of the document's operations to run."
        )


class InvalidVariables(StewardError):
    """Values of variables or arguments are not of their types; `problems` names each by its path."""

    code = "invalid_variables"
    status = 400
    message = Bilingual("参数取值有误。", "Values of variables or arguments were refused.")
    remedy = Bilingual("请按各处的提示修改后重试。", "Correct the values named and send it again.")


class InvalidCursor(StewardError):
    """A cursor is none of ours, or belongs to a list with another order."""

    code = "invalid_cursor"
    status = 400
    message = Bilingual("游标无效。", "The cursor is not valid here.")
    remedy = Bilingual(
        "请使用同一列表、同一排序返回的游标，或从第一页开始。",
        "Use a cursor that the same list gave in the same order, or start at the first page.",
    )


class InvitationNotMailed(StewardError):
    """The person is there, but the letter with the invitation could not be sent."""

    code = "invitation_not_mailed"
    status = 503
    message = Bilingual("邀请邮件未能寄出。", "The letter with the invitation could not be sent.")
    remedy = Bilingual("请稍后用 invitePerson 重发。", "Send another with invitePerson later.")


class ItemNotApplied(StewardError):
    """Nothing was wrong with this item; another one of its request was refused, and all were to be done or none."""

    code = "item_not_applied"
    status = 409
    message = Bilingual("同批其他项被拒绝，本项未执行。", "Another item was refused, so this one was not done.")
    remedy = Bilingual(
        "请改正被拒绝的项后重新提交，或将 allOrNothing 设为 false。",
        "Correct the refused items and send all again, or set allOrNothing to false.",
    )
