"""Makes the bundle of `ww run`: all modules of its run path in one file, compiled, for the launcher of an image.

Run by `ww launcher` as a program of its own, `python -IS -X no_debug_ranges ww/bundling.py`, so that it is the
launcher's interpreter that compiles, and nothing but the run path is imported. `ww.launch` loads what is written here.

The code keeps its files and lines for tracebacks. It does not keep what only readers and type checkers want:
docstrings, annotations, and what stands under TYPE_CHECKING.
"""

from __future__ import annotations
import __future__

import ast
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import Any

NOW = ("ww.entrypoint", "ww.instance.services.process")
"""What is imported before the first service runs, with all that these import."""
LATER = ("ww.instance.surroundings", "ww.instance.commands", "ww.instance.control")
"""What is imported right behind it."""

_OPTIMIZE = 2


class _Bare(ast.NodeTransformer):
    """Takes out what has no effect when the module runs."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:
        """Blocks that are only for type checkers, and those that are only not for them."""
        self.generic_visit(node)
        test = node.test
        if isinstance(test, ast.Name) and test.id == "TYPE_CHECKING":
            return node.orelse or None
        if isinstance(test, ast.UnaryOp) and isinstance(test.operand, ast.Name) and test.operand.id == "TYPE_CHECKING":
            return node.body
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        """The compiler knows it by a flag; as an import it would be one more file."""
        return None if node.module == "__future__" else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """`name: kind = value` is `name = value`."""
        self.generic_visit(node)
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """An argument is its name."""
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function without the kind of its result."""
        node.returns = None
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """A text that stands alone is a comment."""
        return None if isinstance(node.value, ast.Constant) else node


def bare_code(source: bytes, file: str) -> CodeType:
    """The code of a module, without what only readers want."""
    tree = _Bare().visit(ast.parse(source, file))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.If | ast.Try) and not node.body:
            node.body = [ast.Pass()]
    ast.fix_missing_locations(tree)
    flags = __future__.annotations.compiler_flag
    return _short(compile(tree, file, "exec", flags=flags, dont_inherit=True, optimize=_OPTIMIZE))


def _short(code: CodeType) -> CodeType:
    """The code without the qualified names of its functions, which nothing of ours asks for."""
    inner = tuple(_short(item) if isinstance(item, type(code)) else item for item in code.co_consts)
    return code.replace(co_consts=inner, co_qualname=code.co_name)


class _Recorder:
    """Imports the modules of `package` from bare code, and keeps it in the order in which they were complete."""

    def __init__(self, package: str) -> None:
        self._package = package
        self.modules: list[tuple[str, str, int, int, bytes]] = []

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> object:
        """A module of ours, or None."""
        parent, _, rest = name.partition(".")
        if parent != "ww" or not rest:
            return None
        from _frozen_importlib_external import spec_from_file_location

        stem = rest.replace(".", "/")
        package = os.path.isdir(f"{self._package}/{stem}")
        file = f"{stem}/__init__.py" if package else f"{stem}.py"
        found = [f"{self._package}/{stem}"] if package else None
        return spec_from_file_location(
            name,
            f"{self._package}/{file}",
            loader=self,  # type: ignore[arg-type]
            submodule_search_locations=found,
        )

    def create_module(self, _spec: object) -> None:
        """An ordinary module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run it as it will be run from the bundle."""
        path = str(module.__file__)
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            code = bare_code(file.read(), path)
        exec(code, module.__dict__)  # noqa: S102
        relative = os.path.relpath(path, self._package)
        body = marshal.dumps(code)
        self.modules.append((module.__name__, relative, int(status.st_mtime), status.st_size, body))


def main() -> None:
    """Write the bundle to standard output."""
    package = os.path.dirname(os.path.abspath(__file__))
    launch = _launch(f"{package}/launch.py")
    launch["_mount"](package)
    recorder = _Recorder(package)
    sys.meta_path.insert(0, recorder)  # type: ignore[arg-type]
    for name in NOW:
        __import__(name)
    count = len(recorder.modules)
    for name in LATER:
        __import__(name)
    # Places are counted from the end, so that the index need not know its own length.
    bodies = b"".join(body for *_, body in recorder.modules)
    index, left = [], len(bodies)
    for name, file, seconds, size, body in recorder.modules:
        index.append((name, file, seconds, size, left, len(body)))
        left -= len(body)
    front = marshal.dumps((sys.modules["ww"].__version__, package, index[:count], index[count:]))
    sys.stdout.buffer.write(launch["bundle_head"](front + bodies) + front + bodies)


def _launch(path: str) -> dict[str, Any]:
    """What `ww/launch.py` defines."""
    scope = {"__name__": "ww_launch", "__file__": path}
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), scope)  # noqa: S102
    return scope


if __name__ == "__main__":
    main()
