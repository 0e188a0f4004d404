"""Passages for a question, from the collections that a person may search.

search          the whole of it on one page: `retrieve`
found           what comes of it
follow_up       a question that only makes sense after the one before
wording         what is looked up: the question, and perhaps its translation
translation     a question in English, for an encoder that reads nothing else
meaning         candidates by vectors
words           candidates by words
living          of candidates, those whose rows are there and in scope; the rows decide, whatever the stores say
reranking       the first of them in another order, by a model that reads each with the question
reading         the texts of those that are chosen, and what stands around them
choice          which of them are given
calibrations    how sure scores are, for each encoder
"""

from chatplatform.knowledge.retrieval.found import Passage, Retrieved, Score, Timings
from chatplatform.knowledge.retrieval.search import retrieve

__all__ = ["Passage", "Retrieved", "Score", "Timings", "retrieve"]
