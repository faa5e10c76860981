"""Errors of who owns clients: hand-overs, the public pool."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual

NAMED = 20
"""How many clients an error names; the rest is counted."""


def listing(names: Sequence[str], count: int) -> str:
    """Names for a text, with an ellipsis where there are more."""
    return "、".join(names[:NAMED]) + ("…" if count > len(names[:NAMED]) else "")


class HandOverNotFound(NotFound):
    """No such hand-over, or none of its clients is in the actor's scope."""

    code = "hand_over_not_found"
    message = Bilingual("找不到该移交。", "No such hand-over.")


class PairNotFound(NotFound):
    """No such pair of possible duplicates, or one of its clients is outside the actor's scope."""

    code = "duplicate_pair_not_found"
    message = Bilingual("找不到该疑似重复记录。", "No such pair of possible duplicates.")


class _Refused(StewardError):
    status = 409


class HandOverOutsideReach(_Refused):
    """Some of the hand-over's clients are outside the actor's scope."""

    code = "hand_over_outside_reach"
    status = 403
    message = Bilingual("该移交含有您数据范围以外的客户。", "The hand-over has clients outside your data scope.")
    remedy = Bilingual("请联系发起人或上级主管处理。", "Ask who requested it, or a supervisor with a wider scope.")


class HandOverOver(_Refused):
    """The hand-over has taken effect or was undone: it cannot be undone (again)."""

    code = "hand_over_over"
    message = Bilingual("该移交已不能撤销（状态：{status}）。", "The hand-over cannot be undone ({status}).")
    remedy = Bilingual(
        "已生效的移交可以用一次反向移交退回。", "One that has taken effect can be answered by an opposite hand-over."
    )


class HandOverNotApplied(_Refused):
    """Only a hand-over that has taken effect can be answered by an opposite one."""

    code = "hand_over_not_applied"
    message = Bilingual("该移交尚未生效（状态：{status}）。", "The hand-over has not taken effect ({status}).")
    remedy = Bilingual("尚未生效的移交请直接撤销。", "Undo it instead, while it is scheduled.")


class NothingToHandOver(_Refused):
    """No client is left that would change hands."""

    code = "nothing_to_hand_over"
    message = Bilingual("没有需要移交的客户。", "No client would change hands.")
    remedy = Bilingual("请检查所选客户和接收人。", "Check the clients selected and the recipient.")


class ClientsOutOfReach(NotFound):
    """Some of the clients named do not exist, were merged, or are outside the actor's scope; `client_ids` are the
    first of them as the caller gave them."""

    code = "clients_out_of_reach"
    message = Bilingual(
        "有 {count} 个客户不存在、已合并或不在您的数据范围内。",
        "{count} clients do not exist, were merged, or lie outside your data scope.",
    )
    remedy = Bilingual("请从选择中去掉：{ids}", "Take them out of the selection: {ids}")

    def __init__(self, client_ids: Sequence[UUID], count: int) -> None:
        self.client_ids = tuple(client_ids)
        super().__init__(count=count, ids=listing([str(one) for one in client_ids], count))


class ClientsInHandOver(Conflict):
    """Some of the clients wait in another scheduled hand-over; `client_ids` are the first of them."""

    code = "clients_in_hand_over"
    message = Bilingual(
        "{count} 个客户已在其他待生效的移交中：{names}",
        "{count} clients wait in another scheduled hand-over: {names}",
    )
    remedy = Bilingual("请先撤销该移交，或去掉这些客户。", "Undo that hand-over first, or leave these clients out.")

    def __init__(self, client_ids: Sequence[UUID], names: Sequence[str], count: int) -> None:
        self.client_ids = tuple(client_ids)
        super().__init__(count=count, names=listing(names, count))


class NotInPool(Conflict):
    """The client has an owner: somebody else was faster, or it never was in the pool."""

    code = "client_not_in_pool"
    message = Bilingual("{count} 个客户已不在公海：{names}", "{count} clients are not in the public pool: {names}")
    remedy = Bilingual("请刷新公海列表后再选。", "Reload the pool and choose others.")


class InPoolAlready(_Refused):
    """The client is in the public pool already."""

    code = "client_in_pool_already"
    message = Bilingual("客户“{name}”已在公海。", "Client “{name}” is in the public pool already.")
    remedy = Bilingual("无需再次退回。", "There is nothing to return.")


class TooManyClaims(_Refused):
    """The person has claimed as many clients today as the tenant allows."""

    code = "too_many_claims"
    message = Bilingual(
        "今天已领取 {limit} 个客户，达到上限。", "You have claimed {limit} clients today, the most allowed."
    )
    remedy = Bilingual("请明天再领取，或由主管分配。", "Claim more tomorrow, or have a supervisor assign them.")


class TooManyHeld(_Refused):
    """The person owns as many clients as the tenant lets anyone reach by claiming."""

    code = "too_many_held"
    message = Bilingual(
        "名下已有 {held} 个客户，达到上限 {limit}。", "You own {held} clients; claiming ends at {limit}."
    )
    remedy = Bilingual("请先退回不再跟进的客户。", "Return clients that you no longer follow first.")


class CoolingDown(_Refused):
    """A former owner may claim the client again only after the cool-down."""

    code = "client_cooling_down"
    message = Bilingual(
        "您此前负责过该客户，{until} 起才能再次领取。", "You owned it before; claim it again from {until}."
    )
    remedy = Bilingual(
        "在此之前可由他人领取或由主管分配。", "Until then others may claim it, or a supervisor assigns it."
    )


class OnlyPeopleClaim(_Refused):
    """The actor is no person working in this tenant, so it cannot own clients."""

    code = "only_people_claim"
    status = 403
    message = Bilingual("只有在职人员可以领取客户。", "Only people working here can claim clients.")
    remedy = Bilingual("请以本人账号登录后领取。", "Sign in as yourself and claim it.")
