"""Opportunities, proposals, discount requests, document checklists, order acceptance."""
