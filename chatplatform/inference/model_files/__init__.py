"""Model files: the catalogue, the folder, and all that is done with them."""
