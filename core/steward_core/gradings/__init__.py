"""Gradings of many clients at once, with evidence."""
