"""Schedules: rules, firing, the commands."""
