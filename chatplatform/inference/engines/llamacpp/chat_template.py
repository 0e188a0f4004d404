"""Chat templates, rendered by a limited process (template_worker.py) that is started when first needed."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chatplatform.common.errors import InvalidInput

RENDER_S = 3.0
START_S = 20.0
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CHATML_END = "<|im_end|>"


class TemplateFailed(InvalidInput):
    """The template could not be rendered; `refused` when it rejects these messages in its own words."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__("invalid_request", message)
        self.refused = refused

    def __str__(self) -> str:
        return str(self.message)


class ChatTemplate:
    """One template in a process of its own. Safe from any thread; renders one at a time."""

    def __init__(self, source: str, *, bos: str = "", eos: str = "", timeout_s: float = RENDER_S) -> None:
        self._source = source
        self._constants = {"bos_token": bos, "eos_token": eos}
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        add_generation_prompt: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """The prompt's text. Raises TemplateFailed, in no more than the time limit and a little."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            request: dict[str, Any] = {
                **self._constants,
                "messages": list(messages),
                "add_generation_prompt": add_generation_prompt,
            }
            if tools:
                request["tools"] = list(tools)
            return self._ask(request, self._timeout_s)

    def close(self) -> None:
        with self._lock:
            self._kill()

    def _start(self) -> None:
        worker = Path(__file__).with_name("template_worker.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(worker)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT", "TZ") if name in os.environ
            },
        )
        self._ask({"template": self._source}, START_S)

    def _ask(self, request: Mapping[str, Any], timeout_s: float) -> str:
        assert self._process is not None
        assert self._process.stdin is not None
        line = b""
        try:
            self._process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            self._process.stdin.flush()
            line = self._read_line(time.monotonic() + timeout_s)
        except OSError:
            pass
        if not line.endswith(b"\n"):
            self._kill()
            raise TemplateFailed("The model's chat template takes too much time or memory.")
        answer = json.loads(line)
        if "text" in answer:
            return str(answer["text"])
        if answer["refused"]:
            raise TemplateFailed(f"The model does not take these messages: {answer['error']}", refused=True)
        raise TemplateFailed(f"The model's chat template does not work: {answer['error']}.")

    def _read_line(self, deadline: float) -> bytes:
        """The worker's next line, or what there is of it when time is up or the worker has died."""
        assert self._process is not None
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        parts: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while selector.select(max(0.0, deadline - time.monotonic())):
                part = os.read(descriptor, 1 << 16)
                parts.append(part)
                if not part or part.endswith(b"\n"):
                    break
        return b"".join(parts)

    def _kill(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        self._process = None
