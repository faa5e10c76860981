"""Commands as mutations: inputs from their parameters, payloads with typed user errors."""
