"""What people are told about reports and meetings."""

from __future__ import annotations

from steward_core.notifications.rules import declare_notice

MISSING = declare_notice("reports.missing", "工作报告未提交", "A report is not submitted yet")
OPINION = declare_notice("reports.opinion", "工作报告已批阅", "A report was read")
DIGEST = declare_notice("reports.digest", "每周工作报告汇总", "Weekly digest of reports")
SOLVED = declare_notice("meetings.solved", "会议问题已解决", "A problem from a meeting was solved")
