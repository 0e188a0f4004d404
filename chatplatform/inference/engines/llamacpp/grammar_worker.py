"""Tries a grammar that a client wrote, in a process of its own that may neither run long nor grow large.

A grammar can be small and yet take for ever, or end the process that reads it. Run as a script with nothing of the
platform imported: the grammar comes on standard input; a line `ok` says that it works, from every rule on, so that
nothing is hidden behind its first word.
"""

from __future__ import annotations

import re
import sys

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 2


def limit_process() -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's time limit remains
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    until = int(usage.ru_utime + usage.ru_stime) + CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (until, until))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main() -> None:
    grammar = sys.stdin.buffer.read()
    import llama_cpp

    limit_process()
    names = re.findall(rb"^([a-zA-Z0-9-]+)[ \t]*::=", grammar, re.MULTILINE)
    for name in dict.fromkeys([b"root", *names]):
        sampler = llama_cpp.llama_sampler_init_grammar(None, grammar, name)
        if not sampler:
            return
        llama_cpp.llama_sampler_free(sampler)
    sys.stdout.write("ok\n")


if __name__ == "__main__":
    main()
