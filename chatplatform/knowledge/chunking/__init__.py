"""Documents into chunks: pure functions of a document, sizes in tokens and a way to count them."""
