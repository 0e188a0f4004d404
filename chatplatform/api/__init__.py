"""The REST API under /api/ and the OpenAI-compatible one under /v1/."""
