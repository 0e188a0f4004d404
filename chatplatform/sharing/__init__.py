"""Links to conversations, and conversations as files: taken away, and brought in."""
