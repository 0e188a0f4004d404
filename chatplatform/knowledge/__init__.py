"""Documents in, passages out: what people let their assistants read, and how the right passage is found in it."""
