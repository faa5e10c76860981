"""Answers that no single table gives: searches, triggers, gradings explained, who sees what and why."""
