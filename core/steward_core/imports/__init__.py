"""Import and export of spreadsheets."""
