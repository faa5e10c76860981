"""Requests of people about their personal data (PIPL): export and erasure."""
