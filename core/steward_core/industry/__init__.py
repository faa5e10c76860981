"""The contract between the core and industry plugins."""
