"""The outbox: jobs written in the transaction of the command that wants them."""
