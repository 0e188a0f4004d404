"""Which passage supports a sentence of an answer, and which sentence none does.

    claims      an answer as sentences that state something
    numbers     what a text counts and measures, in figures and in words, English and Chinese
    opposites   what a text denies, and pairs of words of which one denies the other
    clauses     a text as the pieces that are compared
    agreement   features of a sentence and a passage, and the verdict

Pure functions over texts; how near two texts are in meaning is handed in. No rows, no network, no native code.
"""
