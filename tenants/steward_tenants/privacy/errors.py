"""Errors of requests about personal data."""

from collections.abc import Sequence

from steward_tenants.errors import Conflict, Forbidden, NotFound, StewardError
from steward_tenants.texts import Bilingual


class PrivacyRequestNotFound(NotFound):
    """No such request, or not the actor's to see."""

    code = "privacy_request_not_found"
    message = Bilingual("找不到该个人信息请求。", "No such personal-data request.")


class PrivacyRequestClosed(Conflict):
    """The request was decided before."""

    code = "privacy_request_closed"
    message = Bilingual("该请求已处理完毕。", "The request was decided already.")
    remedy = Bilingual("如有需要请提交新的请求。", "Open a new request if needed.")


class PrivacyRequestOpen(Conflict):
    """The person has an open request of this kind."""

    code = "privacy_request_open"
    message = Bilingual("该人员已有同类请求待处理。", "An open request of this kind exists for this person.")
    remedy = Bilingual("请先处理已有请求。", "Decide on that one first.")


class NotOnesOwnRequest(Forbidden):
    """Nobody decides on a request about themselves."""

    code = "not_ones_own_request"
    message = Bilingual("不能处理关于本人的请求。", "You cannot decide on a request about yourself.")
    remedy = Bilingual("请由另一位有权限的人员处理。", "Have another person with the permission decide.")


class DataMustBeKept(StewardError):
    """A law or contract obliges the platform to keep data on this person."""

    code = "data_must_be_kept"
    status = 409
    message = Bilingual("暂不能删除：{why}", "Erasure is not possible yet: {why}")
    remedy = Bilingual(
        "请在保存期限届满后再处理，或拒绝请求并说明原因。",
        "Decide after the retention ends, or refuse the request and say why.",
    )

    def __init__(self, reasons: Sequence[Bilingual]) -> None:
        super().__init__()
        self.reasons = tuple(reasons)

    @property
    def text(self) -> Bilingual:
        """The message with every obligation named."""
        return Bilingual(
            self.message.zh.format(why="；".join(reason.zh for reason in self.reasons)),
            self.message.en.format(why="; ".join(reason.en for reason in self.reasons)),
        )
