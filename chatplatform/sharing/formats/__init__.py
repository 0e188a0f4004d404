"""How conversations are written for taking away, one module for each format."""
