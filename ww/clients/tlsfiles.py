"""The files that clients of stores speak TLS with."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files. Certificate and host name of the server are always checked."""

    ca_file: str = ""
    """Authorities to trust; "": those of the machine."""
    cert_file: str = ""
    """Our own certificate; "": none."""
    key_file: str = ""
    """Its key; "": it is in the file of the certificate."""


def machine_authorities() -> str:
    """File or directory of the authorities that this machine trusts; "" where it has none."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return paths.cafile
    return paths.capath if paths.capath and any(os.scandir(paths.capath)) else ""
