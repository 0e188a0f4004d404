"""The OpenAI protocol as its client speaks it."""
