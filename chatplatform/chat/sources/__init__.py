"""What an answer cites: numbered passages, kept with the turn, encrypted with its owner's key.

Whoever puts passages before the model numbers them from 1 in the order of the prompt, and has them kept with
`keep_sources` before the first word is asked for. From then on `[1]` in the answer is a link to the first of them. A
number without a source stays text.
"""
