"""Passages of collections in answers: what a question was given, and what of the answer they support.

prompt_parts    the source of parts for prompts: the whole of it on one page
choosing        which passages a question gets, within its budget
wording         how they stand before the model, and what is said where nothing fits
given           what a question was given, as it is kept
rows            the rows that keep it, and whether a person may still read it
evidence        which source supports which sentence of an answer
"""
