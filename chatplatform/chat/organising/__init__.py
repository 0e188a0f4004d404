"""How people keep their conversations in order: folders, tags, pins, the archive."""
