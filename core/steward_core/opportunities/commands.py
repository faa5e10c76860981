"""Every module of opportunities that declares commands, subjects of approvals, kinds of runs or jobs."""

from steward_core.opportunities import advice, contracts, discounts, orders, proposals, reviews, service

__all__ = ["advice", "contracts", "discounts", "orders", "proposals", "reviews", "service"]
