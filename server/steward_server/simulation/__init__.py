"""A company's months as they might have been: past ones closed, the present one under way."""
