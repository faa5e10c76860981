"""From a document to one SQL statement."""
