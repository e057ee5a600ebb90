"""Where the command `ww` begins: picks the program from the arguments before anything slow is imported.

Two ways in (runtime.md 1, 2): the installed script calls `main()`, which replaces itself by an isolated interpreter
for `ww run`; that interpreter, and the launcher `/ww/run` of an image, execute this file by path.
"""

from __future__ import annotations

import gc
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import NoReturn

RUN_HELP = ("--help", "-h")

_KIND, _PLAIN, _OTHERS_WRITE = 0o170000, 0o100000, 0o022


def main() -> None:
    """Entry of the installed script and of `python -m ww`. Ends the process."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["run"] and not any(word in RUN_HELP for word in arguments):
        _exec_isolated(arguments)
    _compile_if_asked(arguments)
    code = _fast_lookup(arguments)
    if code is None:
        from ww.cli.main import cli

        cli()
    else:
        _leave(code)


def _compile_if_asked(arguments: list[str]) -> None:
    if arguments[:1] != ["_compile"]:
        return
    from ww.compile import main as compile_main

    _leave(compile_main(arguments[1:]))


def _fast_lookup(arguments: list[str]) -> int | None:
    if arguments[:1] == ["healthcheck"]:
        from ww.cli.health import run as check

        return check(arguments[1:], os.environ)
    if arguments[:1] != ["cfg"]:
        return None
    import gc

    from ww.config.fastcfg import run

    # A large configuration makes many objects and no garbage, and the process is about to end.
    gc.disable()
    return run(arguments[1:], os.environ)


def _leave(code: int) -> NoReturn:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = code or 1
    os._exit(code)


def _exec_isolated(arguments: list[str]) -> NoReturn:
    """`ww run` in an interpreter without site packages, user site or PYTHON* variables."""
    from ww.home.command import own_directory

    directory = own_directory(os.environ)
    environ = {**os.environ, "WW_SELF": directory} if directory else dict(os.environ)
    os.execve(sys.executable, [sys.executable, "-IS", os.path.abspath(__file__), *arguments], environ)


def isolated(bundle: str = "") -> NoReturn:
    """Entry by path under `python -IS`: only ww itself can be imported besides the standard library.

    bundle: where `ww launcher` has put the modules of the run path in one file; "" if it has not.
    """
    package = os.path.dirname(os.path.abspath(__file__))
    _mount(package)
    name = os.path.basename(sys.argv[0])
    arguments = sys.argv[1:]
    if name == "cfg":
        _as_cfg(arguments)
    if arguments[:1] == ["ww"]:
        _as_ww(arguments[1:])
    _compile_if_asked(arguments)
    if arguments[:1] == ["run"]:
        arguments = arguments[1:]
    elif arguments[:1] == ["_check"]:
        from ww.check import main as check_main

        os._exit(check_main(arguments[1:]))
    elif arguments[:1] == ["_reporter"]:
        from ww.reporter import main as report

        os._exit(report())
    gc.disable()  # Nothing is garbage yet; the entrypoint lets it begin.
    if bundle:
        _load(bundle, package)
    from ww.entrypoint import run

    run(arguments, dict(os.environ))


def shell() -> NoReturn:
    """Entry by path of `bin/ww` under `python -I`: the whole command, with site packages."""
    _mount(os.path.dirname(os.path.abspath(__file__)))
    main()
    raise SystemExit(0)


def _as_cfg(arguments: list[str]) -> NoReturn:
    """`/ww/cfg KEY`: the plain lookup here, anything else in an ordinary interpreter."""
    code = _fast_lookup(["cfg", *arguments])
    if code is not None:
        _leave(code)
    os.execv(sys.executable, [sys.executable, "-I", os.path.abspath(__file__), "cfg", *arguments])


def _as_ww(arguments: list[str]) -> NoReturn:
    """`/ww/run ww …`, which is `docker run IMAGE ww …`, is `ww …`: an ordinary interpreter, in which the signals that wait for PID 1's handlers are let in."""
    from ww.clib import SIGNALS

    SIGNALS.pthread_sigmask(SIGNALS.SIG_SETMASK, ())
    os.execv(sys.executable, [sys.executable, "-I", os.path.abspath(__file__), *arguments])


def _mount(package: str) -> None:
    """Make `ww` importable from `package` without putting its directory, which may hold all of site-packages, on the path."""
    if "ww" in sys.modules:
        return
    import _frozen_importlib
    import _frozen_importlib_external

    spec = _frozen_importlib_external.spec_from_file_location(
        "ww", f"{package}/__init__.py", submodule_search_locations=[package]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import ww from {package}")
    module = _frozen_importlib.module_from_spec(spec)
    sys.modules["ww"] = module
    spec.loader.exec_module(module)


def _load(bundle: str, package: str) -> None:
    """Make the modules of `bundle` what an import of each would have made of them, in a third of the time (decision 0007).

    A bundle that is not exactly this package's and this Python's, that anybody else could have written, or that cannot
    be read, is passed over in silence: everything is then imported as usual.
    """
    content = _own_file(bundle)
    view = memoryview(content)
    head = bundle_head(view[_HEAD_BYTES:])
    if not content.startswith(head):
        return
    version, place, now, later = marshal.loads(view[len(head) :])  # noqa: S302
    if (version, place) != (sys.modules["ww"].__version__, package):
        return
    if not all(_is_as_it_was(f"{package}/{module[1]}", module[2], module[3]) for module in (*now, *later)):
        return
    end = len(content)
    for name, file, _, _, start, size in now:
        module = _module(name, f"{package}/{file}")
        sys.modules[name] = module
        exec(marshal.loads(view[end - start : end - start + size]), module.__dict__)  # noqa: S102, S302
        parent, _, child = name.rpartition(".")
        setattr(sys.modules[parent], child, module)
    codes = {name: (file, bytes(view[end - start : end - start + size])) for name, file, _, _, start, size in later}
    sys.meta_path.insert(0, _Later(package, codes))  # type: ignore[arg-type]


def _module(name: str, origin: str, loader: object = None) -> ModuleType:
    import _frozen_importlib

    package = origin.endswith("/__init__.py")
    spec = _frozen_importlib.ModuleSpec(name, loader, origin=origin, is_package=package)  # type: ignore[arg-type]
    spec.has_location = True
    if spec.submodule_search_locations is not None:
        spec.submodule_search_locations.append(os.path.dirname(origin))
    return _frozen_importlib.module_from_spec(spec)


class _Later:
    """Finds the modules of the bundle that are imported when the first service has been started, each once."""

    def __init__(self, package: str, codes: dict[str, tuple[str, bytes]]) -> None:
        self._package = package
        self._codes = codes

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> object:
        """The module, or None for whoever else may know it."""
        if name not in self._codes:
            return None
        return _module(name, f"{self._package}/{self._codes[name][0]}", self).__spec__

    def create_module(self, _spec: object) -> None:
        """An ordinary module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        exec(marshal.loads(self._codes.pop(module.__name__)[1]), module.__dict__)  # noqa: S102, S302


_HEAD_BYTES = 24


def bundle_head(rest: bytes | memoryview) -> bytes:
    """What a bundle for this Python begins with; `rest` is what follows, whose damage would be the interpreter's end.

    The number counts changes of the format.
    """
    import _frozen_importlib_external
    from zlib import crc32

    size = len(rest).to_bytes(4, "big")
    return b"ww bundle 2\n" + _frozen_importlib_external.MAGIC_NUMBER + size + crc32(rest).to_bytes(4, "big")


def _own_file(path: str) -> bytes:
    """The content of a plain file that only root and this user can have written; b"" if it is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        info = os.fstat(fd)
        plain = info.st_mode & (_KIND | _OTHERS_WRITE) == _PLAIN and info.st_uid in (0, os.geteuid())
        return os.read(fd, info.st_size) if plain else b""
    except OSError:
        return b""
    finally:
        os.close(fd)


def _is_as_it_was(path: str, seconds: int, size: int) -> bool:
    """Whether a source is the one that was compiled, by the rule of Python's own bytecode files: its time and size."""
    try:
        info = os.stat(path)
    except OSError:
        return False
    return (int(info.st_mtime), info.st_size) == (seconds, size)


if __name__ == "__main__":
    if sys.flags.no_site:
        isolated()
    _mount(os.path.dirname(os.path.abspath(__file__)))
    from ww.launch import main as _main

    _main()
