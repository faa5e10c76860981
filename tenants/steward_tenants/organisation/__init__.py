"""Org units: a tree with effective dates."""
