"""Which message a file belongs to, and what of it the model was given for the question."""
