"""How files of conversations are read: every step bounded in time and memory, nothing trusted."""
