"""Visits: cadence, the monthly service plan, capacity, routes and check-in."""
