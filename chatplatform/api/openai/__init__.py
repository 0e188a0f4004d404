"""The OpenAI protocol: assistants as models, for any client that speaks it."""
