"""Where model files come from: the publisher's hub, and wheels that carry them as data."""
