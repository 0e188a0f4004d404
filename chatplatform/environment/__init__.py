"""What the operator sets: read before Django, so that settings can be made of it."""
