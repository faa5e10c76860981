"""Tobacco: licensed retailers 零售户, their grading into stars and supply grades, and what their service needs."""
