"""Errors of clients and contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual

if TYPE_CHECKING:
    from steward_core.clients.likeness import DuplicateCandidate


class ClientNotFound(NotFound):
    """No such client, or outside the actor's scope."""

    code = "client_not_found"
    message = Bilingual("找不到该客户。", "No such client.")


class ContactNotFound(NotFound):
    """No such contact, or its client is outside the actor's scope."""

    code = "contact_not_found"
    message = Bilingual("找不到该联系人。", "No such contact.")


class TierNotFound(NotFound):
    """The tenant has no tier of this key."""

    code = "tier_not_found"
    message = Bilingual("没有客户等级“{key}”。", "There is no tier “{key}”.")
    remedy = Bilingual("请从等级列表中选择。", "Choose one from the list of tiers.")


class KindNotFound(NotFound):
    """The tenant has no kind of client of this key."""

    code = "kind_not_found"
    message = Bilingual("没有客户类型“{key}”。", "There is no kind of client “{key}”.")
    remedy = Bilingual("请从类型列表中选择。", "Choose one from the list of kinds.")


class ClientChanged(Conflict):
    """The client was changed since the caller read it."""

    code = "client_changed"
    message = Bilingual("客户“{name}”已被他人修改。", "Client “{name}” was changed by someone else.")


class ContactChanged(Conflict):
    """The contact was changed since the caller read it."""

    code = "contact_changed"
    message = Bilingual("联系人“{name}”已被他人修改。", "Contact “{name}” was changed by someone else.")


class TierChanged(Conflict):
    """The tier or kind was changed since the caller read it."""

    code = "client_class_changed"
    message = Bilingual("“{key}”的定义已被他人修改。", "The definition of “{key}” was changed by someone else.")


class ClientCodeTaken(Conflict):
    """Another client of the tenant has this code."""

    code = "client_code_taken"
    message = Bilingual("客户编码“{client_code}”已被使用。", "The client code “{client_code}” is taken.")
    remedy = Bilingual("请检查编码，或查找已有的客户。", "Check the code, or look for the client that has it.")


def _each(text: Bilingual, values: Mapping[str, Any]) -> Bilingual:
    return Bilingual(
        text.zh.format(**{name: value.zh for name, value in values.items()}),
        text.en.format(**{name: value.en for name, value in values.items()}),
    )


class _Refused(StewardError):
    status = 409


class ClientIsMerged(_Refused):
    """The client was absorbed by another one: nothing of it changes any more."""

    code = "client_is_merged"
    message = Bilingual("客户“{name}”已并入其他客户。", "Client “{name}” was merged into another one.")
    remedy = Bilingual("请打开合并后的客户再修改。", "Open the client that it was merged into and change that one.")


class StatusMoveRefused(_Refused):
    """The life cycle does not lead from one status to the other."""

    code = "client_status_move_refused"
    message = Bilingual("此客户状态不能这样变更：{move}。", "The life cycle has no such step: {move}.")
    remedy = Bilingual("可以变更为：{open}。", "It can go to: {open}.")

    @property
    def text(self) -> Bilingual:
        """The message with its places filled, each language with its own words."""
        return _each(self.message, self.values)

    @property
    def advice(self) -> Bilingual:
        """The remedy likewise."""
        return _each(self.remedy, self.values)


class ClientCycle(_Refused):
    """The client would stand below itself."""

    code = "client_cycle"
    message = Bilingual("“{name}”将成为自己的下级客户。", "“{name}” would stand below itself.")
    remedy = Bilingual("请选择不在其下级中的上级客户。", "Choose a parent that is not below it.")


class ClientTreeTooDeep(_Refused):
    """The tree would have more levels than allowed."""

    code = "client_tree_too_deep"
    message = Bilingual(
        "客户层级最多 {limit} 级，此操作将达到 {levels} 级。",
        "The tree of clients has at most {limit} levels; this would make {levels}.",
    )
    remedy = Bilingual("请挂在更高一级的客户下。", "Put it under a client nearer to the top.")


class OutsideReach(_Refused):
    """The new client would lie outside the actor's own scope."""

    code = "client_outside_reach"
    status = 403
    message = Bilingual("该客户将不在您的数据范围内。", "The client would lie outside your data scope.")
    remedy = Bilingual("请选择您数据范围内的机构和负责人。", "Choose a unit and an owner within your scope.")


class ContactHasLeft(_Refused):
    """A contact who has left is nobody's main contact."""

    code = "contact_has_left"
    message = Bilingual("联系人“{name}”已离职。", "Contact “{name}” has left.")
    remedy = Bilingual(
        "请选择在职的联系人，或先清除其离职日期。", "Choose someone who is there, or clear the day first."
    )


class ContactHasRecords(_Refused):
    """Form records tell of the contact, who is therefore not simply removed."""

    code = "contact_has_records"
    message = Bilingual("存在关于联系人“{name}”的表单记录。", "There are form records about “{name}”.")
    remedy = Bilingual(
        "请填写其离职日期；如需清除个人信息，请使用“清除联系人个人信息”。",
        "Give the day of leaving; to be rid of what is personal, erase the contact's personal data.",
    )


class NotTenantsOwn(_Refused):
    """A tier or kind that an industry plugin brought is changed by the plugin only."""

    code = "client_class_of_plugin"
    message = Bilingual("“{key}”由行业插件“{plugin}”提供。", "“{key}” comes from the industry plugin “{plugin}”.")
    remedy = Bilingual(
        "请在该插件的设置中修改，或新建自己的。", "Change it in the plugin's settings, or make your own."
    )


class PossibleDuplicates(Conflict):
    """Clients that may be the one that is to be created; the caller may insist. `candidates` lists them."""

    code = "possible_duplicates"
    message = Bilingual("可能与 {count} 个已有客户重复：{names}", "It may be one of {count} clients: {names}")
    remedy = Bilingual(
        "请核对；确认不是同一客户时可继续保存。", "Compare them; if it is another client, save it anyway."
    )

    def __init__(self, candidates: Sequence[DuplicateCandidate]) -> None:
        self.candidates = tuple(candidates)
        super().__init__(
            count=len(self.candidates),
            names=", ".join(candidate.name or "•••" for candidate in self.candidates[:5]),
        )

    def as_dict(self, locale: str) -> dict[str, Any]:
        """The error with its candidates."""
        return {
            **super().as_dict(locale),
            "candidates": [candidate.as_dict(locale) for candidate in self.candidates],
        }
