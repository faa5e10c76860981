"""Errors of custom fields and of filters on them."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class FieldNotFound(NotFound):
    """The tenant has no such custom field."""

    code = "custom_field_not_found"
    message = Bilingual("找不到该自定义字段。", "No such custom field.")
    remedy = Bilingual("请在自定义字段列表中查找。", "Look it up in the list of custom fields.")


class FieldChanged(Conflict):
    """The field was changed since the caller read it."""

    code = "custom_field_changed"
    message = Bilingual("自定义字段“{key}”已被他人修改。", "Custom field “{key}” was changed by someone else.")


class FieldKeyTaken(Conflict):
    """Another field of the target has the key; a retired one keeps its key too."""

    code = "custom_field_key_taken"
    message = Bilingual("字段标识“{key}”已被使用。", "The field key “{key}” is taken.")
    remedy = Bilingual(
        "请换一个标识，或恢复已停用的同名字段。", "Use another key, or revive the retired field of that key."
    )


class TooManyFields(Conflict):
    """A target holds no more fields that are in use."""

    code = "too_many_custom_fields"
    message = Bilingual("每类对象最多 {most} 个在用的自定义字段。", "At most {most} custom fields can be in use here.")
    remedy = Bilingual("请先停用不再需要的字段。", "Retire fields that are no longer needed.")


class ValuesNoLongerFit(Conflict):
    """Narrower rules would leave `count` existing values outside; they stay as they are when that is accepted."""

    code = "custom_values_no_longer_fit"
    message = Bilingual("有 {count} 个已有的值不符合新规则。", "{count} existing values would not fit the new rules.")
    remedy = Bilingual(
        "请放宽规则，或确认接受：已有的值保持不变，直到下次修改。",
        "Widen the rules, or accept it: existing values stay as they are until they are changed.",
    )


class _Refused(StewardError):
    status = 422


class FieldNotFilterable(_Refused):
    """The field is not declared as filterable."""

    code = "field_not_filterable"
    message = Bilingual("字段“{key}”不能用于筛选或排序。", "Field “{key}” cannot be filtered or sorted by.")
    remedy = Bilingual("请由管理员将其设为可筛选。", "Have an administrator make it filterable.")


class FieldBeingIndexed(Conflict):
    """The field was made filterable, and older rows are still being indexed."""

    code = "field_being_indexed"
    message = Bilingual("字段“{key}”的索引仍在建立。", "Field “{key}” is still being indexed.")
    remedy = Bilingual("请在索引任务完成后重试。", "Try again when the indexing run is done.")


class FieldNotSortable(_Refused):
    """A field of several values has no place in an order."""

    code = "field_not_sortable"
    message = Bilingual(
        "字段“{key}”可有多个值，不能排序。", "Field “{key}” may hold several values: it cannot be sorted by."
    )
    remedy = Bilingual("请改用其他字段排序。", "Sort by another field.")


class ValueOutsideIndex(_Refused):
    """A number of a filterable field is larger than its index can hold."""

    code = "value_outside_index"
    message = Bilingual("字段“{field}”的数值过大，无法保存。", "The number in “{field}” is too large to be kept.")
    remedy = Bilingual("请检查数值和单位。", "Check the number and its unit.")
