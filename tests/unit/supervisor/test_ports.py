"""Whether a port is free, and who has it."""

from __future__ import annotations

import os
import socket

from chatplatform.health import ports


def test_a_listening_port_is_taken_and_its_owner_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        cause, cure = ports.port_taken(port, "CHATPLATFORM_PORT")
        assert str(port) in str(cause)
        assert f"process {os.getpid()}" in str(cause)
        assert "CHATPLATFORM_PORT" in str(cure)
    assert ports.is_free(port)


def test_connections_that_linger_are_no_hindrance() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first keeps the port in TIME_WAIT
        client.close()
    assert ports.is_free(port)


def test_a_foreign_address_is_not_ours_to_take() -> None:
    assert not ports.is_free(8000, "192.0.2.1")
