"""Migrations of floor 2; they go on from floor 1's last. Landed ones are never edited; see docs/operations.md."""
