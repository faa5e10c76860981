"""What a tenant decides about service requests."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from steward_core.forms.fields import Text
from steward_tenants.configuration.settings import Setting, declare_setting
from steward_tenants.texts import Bilingual


class RequestKind(BaseModel):
    """A kind of request: its key, by which promises are started (`<key>_received`), and its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
    zh: Text
    en: Text

    @property
    def title(self) -> Bilingual:
        """Its name."""
        return Bilingual(self.zh, self.en)


def _each_once(kinds: tuple[RequestKind, ...]) -> tuple[RequestKind, ...]:
    if len({one.key for one in kinds}) != len(kinds):
        raise ValueError("each kind has a key of its own / 类别标识不得重复")
    return kinds


USUAL_KINDS = (
    RequestKind(key="complaint", zh="投诉", en="Complaint"),
    RequestKind(key="wish", zh="意见建议", en="Wish"),
    RequestKind(key="fault", zh="故障申告", en="Fault"),
    RequestKind(key="consultation", zh="咨询", en="Consultation"),
    RequestKind(key="order", zh="业务受理", en="Order"),
    RequestKind(key="billing", zh="账务", en="Billing"),
    RequestKind(key="support", zh="技术支持", en="Technical support"),
)
REQUEST_KINDS: Setting[tuple[RequestKind, ...]] = declare_setting(
    "requests.kinds",
    Annotated[tuple[RequestKind, ...], Field(min_length=1, max_length=50), AfterValidator(_each_once)],
    USUAL_KINDS,
    "服务请求的类别",
    "Kinds of service requests",
)
