"""The TLS side of a client: whom it trusts, who it says it is, and what it insists on.

A certificate is always checked unless `verify` is False, which nothing but the caller's own setting can make it. Files are
watched by their times, so that a rotated certificate is taken over without a restart.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ww.clients.errors import TlsFault
from ww.clients.timed import TimedTlsSocket

if TYPE_CHECKING:
    from collections.abc import Callable

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True)
class Tls:
    """How to speak TLS; paths of PEM files, "" for none."""

    ca_file: str = ""
    """Trust these authorities and no others; "": those of the machine."""
    cert_file: str = ""
    """Our own certificate, with its chain; the key may be in the same file."""
    key_file: str = ""
    min_version: str = "1.2"
    server_name: str = ""
    """The name that the certificate must carry; "": the host of the URL."""
    verify: bool = True

    def marks(self) -> tuple[tuple[str, int, int], ...]:
        """What changes when one of the files does."""
        return tuple(_mark(path) for path in (self.ca_file, self.cert_file, self.key_file) if path)


def _mark(path: str) -> tuple[str, int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return (path, 0, 0)
    return (path, status.st_mtime_ns, status.st_size)


def http_context(tls: Tls) -> ssl.SSLContext:
    """The same for HTTP, with sockets that keep to a deadline. Raises TlsFault."""
    made = context(tls)
    made.sslsocket_class = TimedTlsSocket
    made.set_alpn_protocols(["http/1.1"])
    return made


def context(tls: Tls) -> ssl.SSLContext:
    """A context for clients, made of what the files hold now. Raises TlsFault."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = VERSIONS[tls.min_version]
    if not tls.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif tls.ca_file:
        _load(f"the authorities of {tls.ca_file}", lambda: made.load_verify_locations(cafile=tls.ca_file))
    else:
        _trust_the_machine(made)
    if tls.cert_file:
        key = tls.key_file or tls.cert_file
        # Without a password ssl would ask for one on the terminal.
        _load(
            f"the certificate {tls.cert_file} with the key {key}",
            lambda: made.load_cert_chain(tls.cert_file, key, password=lambda: ""),
        )
    return made


def _load(what: str, load: Callable[[], object]) -> None:
    try:
        load()
    except ssl.SSLError as error:
        raise TlsFault(f"cannot use {what}: {error.reason or 'not a usable PEM file'}") from None
    except OSError as error:
        raise TlsFault(f"cannot read {what}: {error.strerror}") from None
    except ValueError as error:
        raise TlsFault(f"cannot use {what}: {error}") from None


def _trust_the_machine(made: ssl.SSLContext) -> None:
    """The authorities of the system, as its administrator left them; where there are none, those that come along."""
    made.load_default_certs()
    paths = ssl.get_default_verify_paths()
    if made.cert_store_stats()["x509_ca"] or (paths.capath and any(os.scandir(paths.capath))):
        return
    import certifi

    made.load_verify_locations(cafile=certifi.where())


def words(error: ssl.SSLError) -> str:
    """What a failed handshake says, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message or 'not valid'}"
    reason = (error.reason or "the connection ended during the handshake").lower().replace("_", " ")
    return f"TLS: {reason}"
