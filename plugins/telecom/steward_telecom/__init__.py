"""Telecom: enterprise VPN groups and key accounts, as a plugin of Steward."""
