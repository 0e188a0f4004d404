"""The ports of this machine's processes: which they are, whether one is free, and who has it."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext_noop as _

from chatplatform.common.words import Words


@dataclass(frozen=True, slots=True)
class Port:
    """`setting` names what the operator changes to move it."""

    number: int
    setting: str
    host: str = "127.0.0.1"


def our_ports() -> dict[str, Port]:
    """The port of each process that runs here, by the process's name."""
    environment = settings.ENVIRONMENT
    ports = {"web": Port(environment.port, "CHATPLATFORM_PORT", environment.host)}
    if not environment.encoder_url:
        ports["encoder"] = Port(environment.encoder_port, "CHATPLATFORM_ENCODER_PORT")
    if not environment.llm_url:
        ports["llm"] = Port(environment.llm_port, "CHATPLATFORM_LLM_PORT")
    if not environment.chroma_url:
        ports["chroma"] = Port(environment.chroma_port, "CHATPLATFORM_CHROMA_PORT")
    return ports


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # as servers do: connections that linger from the last run are no hindrance
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def owner(port: int) -> str:
    """`name (process 123)` of whoever listens on `port`, or nothing when the system does not tell."""
    import psutil

    try:
        connections = psutil.net_connections(kind="tcp")
        for connection in connections:
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid is not None
            ):
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        return ""
    return ""


def port_taken(port: int, setting: str) -> tuple[Words, Words]:
    """Cause and cure, as sentences, for a port that is not free."""
    by = owner(port)
    cause = (
        Words(_("Port %(port)s is taken by %(by)s."), port=port, by=by)
        if by
        else Words(_("Port %(port)s is taken by another program."), port=port)
    )
    cure = Words(_("Stop that program, or choose another port with %(setting)s=<number>."), setting=setting)
    return cause, cure
