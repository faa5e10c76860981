"""What schedules may do about reports."""

from __future__ import annotations

from steward_core.schedules.tasks import declare_task

REMIND_JOB = "reports.remind"
DIGEST_JOB = "reports.digest"

REMIND = declare_task(REMIND_JOB, "提醒未提交的工作报告", "Remind of missing reports", job=REMIND_JOB, own=False)
DIGEST = declare_task(DIGEST_JOB, "工作报告每周汇总", "Weekly digest of reports for leads", job=DIGEST_JOB, own=False)
