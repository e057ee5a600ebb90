"""Certificates of the tests' own making: an authority, servers and clients."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class Authority:
    """An authority whose certificates are files below `directory`."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._ca = trustme.CA()
        self.ca_file = str(directory / f"{name}.pem")
        self._ca.cert_pem.write_to_path(self.ca_file)

    def server(
        self, *names: str, clients: Authority | None = None, version: ssl.TLSVersion | None = None
    ) -> ssl.SSLContext:
        """A server's context with a certificate for `names`; with `clients`, who does not come from there is turned away."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(context)
        if clients is not None:
            clients._ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        if version is not None:
            context.maximum_version = version
        return context

    def client(self, name: str = "instance@example.org") -> tuple[str, str]:
        """The files of a client's certificate and its key."""
        made = self._ca.issue_cert(name)
        certificate, key = self._directory / f"{name}.crt", self._directory / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        made.private_key_pem.write_to_path(str(key))
        return str(certificate), str(key)
