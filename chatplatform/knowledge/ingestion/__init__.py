"""Documents into indexes: read, cut into chunks, turned into vectors, written so that a crash leaves no halves."""
