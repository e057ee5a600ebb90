"""The environment that every hook gets (decisions, "Hook contract v1")."""

from __future__ import annotations

from ww.types import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ww.home.layout import Layout

HOOK_API = "1"

VARIABLES = (
    "WW_HOOK_API",
    "WW_STATE",
    "WW_INSTANCE",
    "WW_SERVICE",
    "WW_BOOT",
    "WW_ROOT",
    "WW_USR",
    "WW_ETC",
    "WW_FILES",
    "WW_DATA",
    "WW_BACKUP",
    "WW_RUN",
    "WW_FROM",
    "WW_TO",
    "WW_ATTEMPT",
    "WW_HOLDER",
)
"""Every variable of the contract; docs/hooks.md explains each, and a test compares the two lists."""


_OURS = ("WW_LD_PRELOAD", "WW_SELF", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""What our launch left there, and what whoever started `ww run` wants to hear from it and from nobody below it."""


class Identity(Value):
    """Who this instance is: `service` and `instance` as people know it, `boot` as this life of it (128 random bits)."""

    __slots__ = ("service", "instance", "boot")

    def __init__(self, service: str, instance: str, boot: str) -> None:
        self.service = service
        self.instance = instance
        self.boot = boot


class Versions(Value):
    """`data`: whose upgrade completed on the data ("" if unknown); `image`: what this image is."""

    __slots__ = ("data", "image")

    def __init__(self, data: str, image: str) -> None:
        self.data = data
        self.image = image


def inherited(environ: Mapping[str, str], ww_directory: str) -> dict[str, str]:
    """What hooks inherit: everything but configuration input (it may hold secrets), and a PATH with `ww`."""
    return unchanged(
        {
            name: value
            for name, value in environ.items()
            if name not in ("CFG", "CFG_FILE") and not name.startswith("CFG__")
        },
        ww_directory,
    )


def unchanged(environ: Mapping[str, str], ww_directory: str) -> dict[str, str]:
    """What a wrapped command inherits: all of it, without what is for ww alone, and a PATH with `ww`."""
    kept = {name: value for name, value in environ.items() if name not in _OURS}
    preload = environ.get("WW_LD_PRELOAD")
    if preload:
        kept["LD_PRELOAD"] = preload
    path = kept.get("PATH") or "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    if ww_directory and ww_directory not in path.split(":"):
        path = f"{path}:{ww_directory}"
    kept["PATH"] = path
    return kept


def hook_environment(
    base: Mapping[str, str],
    layout: Layout,
    run: str | None,
    identity: Identity,
    versions: Versions,
    state: str,
    attempt: int,
) -> dict[str, str]:
    """`base` (from `inherited`) and the contract's variables."""
    return {
        **base,
        "WW_HOOK_API": HOOK_API,
        "WW_STATE": state,
        "WW_INSTANCE": identity.instance,
        "WW_SERVICE": identity.service,
        "WW_BOOT": identity.boot,
        "WW_ROOT": layout.root,
        "WW_USR": layout.usr,
        "WW_ETC": layout.etc,
        "WW_FILES": layout.files,
        "WW_DATA": layout.data,
        "WW_BACKUP": layout.backup,
        "WW_RUN": run or "",
        "WW_FROM": versions.data,
        "WW_TO": versions.image,
        "WW_ATTEMPT": str(attempt),
        "WW_HOLDER": "",
    }
