"""Which passages answer a query, and how sure that is: pure functions over ids, scores and keyed hashes of terms.

    terms, stemming     a text as the terms that are looked up, English and Chinese
    term_hashes         terms as keyed hashes: what an index may hold
    bm25                lexical scores from postings of hashes
    query_kind          which language a query is written in, and what kind of query it is
    fusion, weights     dense and lexical scores as one order
    diversity           not the same thing ten times
    confidence          scores as probabilities, and a threshold on them
    metrics             how good an order is, given judgements

No rows, no network, no native code: web and worker processes import this.
"""
