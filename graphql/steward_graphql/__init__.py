"""The API that clients see: GraphQL types declared over tables, documents compiled to SQL, commands as mutations."""
