"""Grammars that clients write: what works is taken, and what is hostile ends in a refusal and nowhere else."""

from __future__ import annotations

import pytest

from chatplatform.inference.engines.llamacpp.client_grammar import check_client_grammar
from chatplatform.inference.engines.llamacpp.sampling import GrammarRefused

pytest.importorskip("llama_cpp")

LIST = 'root ::= item ("," item)*\nitem ::= "a" | "b" [0-9]+\n'


def test_a_grammar_that_works_is_taken() -> None:
    check_client_grammar(LIST)


def test_a_library_that_gives_up_is_believed() -> None:
    with pytest.raises(GrammarRefused):
        check_client_grammar('root ::= "a" missing\n')


def _doubling(levels: int) -> str:
    """Small, and every level doubles the ways through it."""
    rules = "".join(f'r{n} ::= r{n + 1} "x" | r{n + 1} "y"\n' for n in range(levels))
    return f'root ::= "a" r0\n{rules}r{levels} ::= "z"\n'


@pytest.mark.parametrize(
    "grammar",
    [
        'root ::= root "a" | "b"\n',
        'other ::= "a"\n',
        'root ::= "a" root\n',
        'root ::= "x" s\ns ::= "a" t "b" | "c"\nt ::= s s\n',
        'root ::= "a" <think>\n',
        'root ::= (("a"{500}){500}){500}\n',
        _doubling(40),
        "root ::= " + "(" * 5000 + '"a"' + ")" * 5000 + "\n",
        'root ::= "a"\0',
    ],
    ids=[
        "left recursion",
        "no root",
        "no end",
        "comes back",
        "control token",
        "many times",
        "doubling",
        "brackets",
        "zero",
    ],
)
def test_what_is_hostile_is_refused(grammar: str) -> None:
    with pytest.raises(GrammarRefused):
        check_client_grammar(grammar)
