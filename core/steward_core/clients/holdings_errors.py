"""Errors of what hangs on clients: contracts, products, arrears, notes, attachments."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class ContractNotFound(NotFound):
    """No such contract, or its client is outside the actor's scope."""

    code = "contract_not_found"
    message = Bilingual("找不到该合同。", "No such contract.")


class ProductNotFound(NotFound):
    """The catalogue has no such product."""

    code = "product_not_found"
    message = Bilingual("产品目录中没有该产品。", "The catalogue has no such product.")
    remedy = Bilingual("请从产品目录中选择。", "Choose one from the catalogue.")


class ClientProductNotFound(NotFound):
    """No such product in use, or its client is outside the actor's scope."""

    code = "client_product_not_found"
    message = Bilingual("找不到该在用产品。", "No such product in use.")


class ArrearsNotFound(NotFound):
    """No such arrears, or their client is outside the actor's scope."""

    code = "arrears_not_found"
    message = Bilingual("找不到该欠费记录。", "No such arrears.")


class NoteNotFound(NotFound):
    """No such note, it was removed, or its client is outside the actor's scope."""

    code = "client_note_not_found"
    message = Bilingual("找不到该备注。", "No such note.")


class AttachmentNotFound(NotFound):
    """No such attachment, or its client is outside the actor's scope."""

    code = "attachment_not_found"
    message = Bilingual("找不到该附件。", "No such attachment.")


class HoldingChanged(Conflict):
    """The row was changed since the caller read it."""

    code = "client_holding_changed"
    message = Bilingual("该记录已被他人修改。", "The record was changed by someone else.")


class ContractNumberTaken(Conflict):
    """Another contract of the tenant has this number."""

    code = "contract_number_taken"
    message = Bilingual("合同编号“{number}”已被使用。", "The contract number “{number}” is taken.")
    remedy = Bilingual("请核对合同编号，或查找已有的合同。", "Check the number, or look for the contract that has it.")


class ProductCodeTaken(Conflict):
    """Another product of the catalogue has this code."""

    code = "product_code_taken"
    message = Bilingual("产品编码“{product_code}”已被使用。", "The product code “{product_code}” is taken.")
    remedy = Bilingual("请核对编码，或修改已有的产品。", "Check the code, or change the product that has it.")


class ArrearsExist(Conflict):
    """The client's arrears for this period and source are on record."""

    code = "arrears_exist"
    message = Bilingual("{period} 的欠费已有记录。", "Arrears for {period} are on record.")
    remedy = Bilingual("如需更正，请修改该记录。", "Correct that record instead.")


class AttachedAlready(Conflict):
    """The file hangs there already."""

    code = "attached_already"
    message = Bilingual("该文件已经附在此处。", "This file is attached there already.")
    remedy = Bilingual("无需重复添加。", "There is nothing to add.")


class _Refused(StewardError):
    status = 409


class ContractOver(_Refused):
    """The contract has ended or was terminated: it changes no more."""

    code = "contract_over"
    message = Bilingual("合同“{number}”已结束或终止。", "Contract “{number}” has ended or was terminated.")
    remedy = Bilingual("请新建合同。", "Make a new contract.")


class ContractRenewedAlready(_Refused):
    """The contract was renewed by another one."""

    code = "contract_renewed_already"
    message = Bilingual("合同“{number}”已续签。", "Contract “{number}” was renewed already.")
    remedy = Bilingual("请打开续签后的合同。", "Open the contract that renews it.")


class ContractNotActive(_Refused):
    """A draft is neither renewed nor terminated."""

    code = "contract_not_active"
    message = Bilingual("合同“{number}”尚未生效。", "Contract “{number}” is a draft.")
    remedy = Bilingual("请先将合同设为生效。", "Make it active first.")


class ProductEnded(_Refused):
    """The client uses the product no more."""

    code = "client_product_ended"
    message = Bilingual("该产品已停用。", "The client uses this product no more.")
    remedy = Bilingual("请重新添加在用产品。", "Add the product anew.")


class ArrearsSettled(_Refused):
    """Nothing is owed any more."""

    code = "arrears_settled"
    message = Bilingual("该欠费已结清。", "These arrears are settled.")
    remedy = Bilingual("如有误，请先更正金额。", "Correct the amount first if this is wrong.")


class NoteOfAnother(_Refused):
    """Only its author edits a note; its author or a supervisor removes it."""

    code = "client_note_of_another"
    status = 403
    message = Bilingual("这是他人写的备注。", "The note was written by somebody else.")
    remedy = Bilingual("请另写备注，或请主管删除。", "Write a note of your own, or ask a supervisor to remove it.")


class NotesFull(_Refused):
    """As many notes are pinned as may be."""

    code = "client_notes_pinned"
    message = Bilingual("最多置顶 {limit} 条备注。", "At most {limit} notes can be pinned.")
    remedy = Bilingual("请先取消其他置顶。", "Unpin another one first.")
