"""Measurements of the product, as ratios from interleaved runs; `./steward bench`."""
