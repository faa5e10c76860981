"""What an API type is, and how it comes from the database: the vocabulary of the catalogue."""
