"""Errors of schedules."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class ScheduleNotFound(NotFound):
    """The tenant has no such schedule."""

    code = "schedule_not_found"
    message = Bilingual("找不到该计划任务。", "There is no such schedule.")
    remedy = Bilingual("请查看计划任务列表。", "See the list of schedules.")


class ScheduleKeyTaken(Conflict):
    """Another schedule has this key."""

    code = "schedule_key_taken"
    message = Bilingual("计划任务标识“{key}”已被使用。", "Another schedule has the key {key}.")
    remedy = Bilingual("请换一个标识。", "Choose another key.")


class ScheduleChanged(Conflict):
    """Somebody else changed the schedule first."""

    code = "schedule_changed"
    message = Bilingual("该计划任务已被他人修改。", "The schedule was changed by someone else.")


class NotTenantsSchedule(Conflict):
    """The platform or a plugin brought the schedule: it can be paused and re-timed, but not deleted."""

    code = "not_tenants_schedule"
    message = Bilingual("“{key}”由系统或插件提供，不能删除。", "{key} comes from the platform or a plugin.")
    remedy = Bilingual("请暂停它，或修改其时间规则。", "Pause it, or change its rule.")


class TooManySchedules(Conflict):
    """A tenant keeps no more schedules."""

    code = "too_many_schedules"
    message = Bilingual("最多 {most} 个计划任务。", "At most {most} schedules.")
    remedy = Bilingual("请先删除不再需要的。", "Delete those that are no longer needed.")


class ScheduleOwnerGone(StewardError):
    """Nobody answers for the schedule's work any more: who set it up has left."""

    code = "schedule_owner_gone"
    status = 409
    message = Bilingual("设立该计划任务的人已离开，任务未执行。", "Who set the schedule up has left; it was not run.")
    remedy = Bilingual(
        "请由有权限的人修改该计划任务，由其承接。", "Have somebody with the permission change it: it is theirs then."
    )


class ScheduleTaskUnknown(StewardError):
    """Nothing here does the schedule's task: its plugin is off, or this version does not know it."""

    code = "schedule_task_unknown"
    status = 409
    message = Bilingual("没有名为“{task}”的任务。", "There is no task {task}.")
    remedy = Bilingual("请启用相应插件，或更换任务。", "Enable its plugin, or choose another task.")
