"""The help centre of the demo shop: articles as data, put into a collection with the demo and removed with it."""
