"""Who we are and whom we trust, in the settings that the sinks of stores share: `user`, `password` and the files of TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.clients.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.types import Json


def user_of(settings: Mapping[str, Json]) -> str | None:
    """The user, None for none. Raises ValueError where one of user and password is missing."""
    user = settings["user"]
    if (user is None) != (settings["password"] is None):
        raise ValueError("user and password belong together: give both or none")
    return None if user is None else str(user)


def tls_of(settings: Mapping[str, Json]) -> Tls:
    """The files of TLS. Raises ValueError for a key without its certificate."""
    if settings["key_file"] and not settings["cert_file"]:
        raise ValueError("key_file is the key of cert_file, which is not given")
    ca_file, cert_file, key_file = (str(settings[name] or "") for name in ("ca_file", "cert_file", "key_file"))
    return Tls(ca_file=ca_file, cert_file=cert_file, key_file=key_file)
