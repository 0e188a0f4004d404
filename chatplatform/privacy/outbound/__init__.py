"""What left this machine: counted by the doors themselves, each request in the transaction of its audit event."""
