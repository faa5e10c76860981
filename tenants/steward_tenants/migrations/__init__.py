"""Migrations of floor 1. Landed ones are never edited; see docs/operations.md."""
