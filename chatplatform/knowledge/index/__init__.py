"""The words of collections: which chunks have which term, and how often, as packs of encrypted postings.

packing     the inside of a pack
services    chunks are added and removed, in the caller's transaction
queries     scores of chunks for a question: exact BM25
merging     small packs become large ones, and what was removed leaves them; chores, receivers have it done
"""
