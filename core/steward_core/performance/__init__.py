"""Indicators and scores of a month, with what lies behind them."""
