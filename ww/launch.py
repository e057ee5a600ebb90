"""Where the command `ww` begins: picks the program from the arguments before anything slow is imported.

Two ways in (runtime.md 1, 2): the installed script calls `main()`, which replaces itself by an isolated interpreter
for `ww run`; that interpreter, and the launcher `/ww/run` of an image, execute this file by path.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

RUN_HELP = ("--help", "-h")


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
    from ww.config.fastcfg import run

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


def isolated() -> NoReturn:
    """Entry by path under `python -IS`: only ww itself can be imported besides the standard library."""
    _mount(os.path.dirname(os.path.abspath(__file__)))
    name = os.path.basename(sys.argv[0])
    arguments = sys.argv[1:]
    if name == "cfg":
        _as_cfg(arguments)
    _compile_if_asked(arguments)
    if arguments[:1] == ["run"]:
        arguments = arguments[1:]
    elif _is_check(arguments):
        from ww.check import main as check_main

        os._exit(check_main(arguments[1:]))
    from ww.entrypoint import run

    run(arguments, dict(os.environ))


def _is_check(arguments: list[str]) -> bool:
    from ww.home.command import CHECK

    return arguments[:1] == [CHECK]


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


if __name__ == "__main__":
    if sys.flags.no_site:
        isolated()
    _mount(os.path.dirname(os.path.abspath(__file__)))
    from ww.launch import main as _main

    _main()
