"""Errors of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steward_tenants.errors import Conflict, Forbidden, NotFound, StewardError
from steward_tenants.texts import Bilingual


class RunNotFound(NotFound):
    """No such run, or it is not the actor's to see."""

    code = "run_not_found"
    message = Bilingual("找不到该任务。", "No such run.")


class RunExists(Conflict):
    """The same work was asked for before; `id` is the earlier run's."""

    code = "run_exists"
    message = Bilingual("相同的任务已存在（{id}，状态：{status}）。", "The same run exists already ({id}, {status}).")
    remedy = Bilingual("请查看该任务；失败的任务可以继续执行。", "Look at that run; one that failed can be resumed.")


class RunEnded(Conflict):
    """The run is over: it can be neither cancelled nor resumed."""

    code = "run_ended"
    message = Bilingual("任务已结束（{status}）。", "The run is over ({status}).")
    remedy = Bilingual("请重新发起任务。", "Ask for a new run.")


class RunKindUnknown(NotFound):
    """No installed part of the product knows how to do this kind of run."""

    code = "run_kind_unknown"
    message = Bilingual("没有名为 {kind} 的任务类型。", "There is no kind of run named {kind}.")
    remedy = Bilingual("请检查任务类型，或启用提供它的插件。", "Check the kind, or enable the plugin that brings it.")


class RunFault(StewardError):
    """A fault of the program or of the machine stopped the run: what stands in a run whose failure has no text."""

    code = "run_fault"
    message = Bilingual(
        "任务因系统错误停止：此前完成的部分已保存，出错的部分未保存。",
        "A fault of the system stopped the run: what was done before is kept, the part that failed is not.",
    )
    remedy = Bilingual(
        "请恢复任务，从出错处继续；如再次停止，请把任务编号告知管理员。",
        "Resume it, and it goes on from there; if it stops again, give the run's id to your administrator.",
    )


class RunFailed(Conflict):
    """The run failed while somebody else was driving it; its own error says why."""

    code = "run_failed"
    message = Bilingual("任务失败：{why}", "The run failed: {why}")
    remedy = Bilingual("请排除原因后继续执行该任务。", "Remove the cause, then resume the run.")

    @classmethod
    def of(cls, error: Mapping[str, Any] | None) -> RunFailed:
        """With the text that the run keeps."""
        kept = error or {}
        return cls(why=Bilingual(kept.get("zh-CN", "—"), kept.get("en", "—")))


class DriverGone(Forbidden):
    """The person, client or operator for whom a run works may work no more."""

    code = "run_driver_gone"
    message = Bilingual(
        "发起或继续该任务的人已停用或已离开，任务不能再以其身份执行。",
        "Who asked for this run, or resumed it, is no longer active; it cannot go on in their name.",
    )
    remedy = Bilingual(
        "请由有权限的同事继续该任务，或重新发起。",
        "A colleague with the right for it can resume the run, or ask for a new one.",
    )
