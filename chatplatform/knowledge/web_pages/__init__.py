"""Web pages and sites as sources of a collection.

Each page becomes a document of the collection, kept in step by its content as files of folders are. What is fetched
goes through the one door for outbound HTTP, from hosts that the operator permits, and only where robots.txt does.
"""
