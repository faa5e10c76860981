"""Promises, their clocks, and follow-ups."""
