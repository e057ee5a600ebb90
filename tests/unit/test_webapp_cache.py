"""The cache of the webapp image: bounded, and never older than the last note."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from tests.support.imagetree import IMAGES


def _cache(entries: int) -> Any:
    spec = importlib.util.spec_from_file_location("webapp_cache", IMAGES / "webapp/ww/files/webapp/cache.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Cache(entries)


@pytest.mark.rule("D-image-webapp-warm")
def test_what_was_read_before_a_note_was_written_is_not_kept() -> None:
    cache = _cache(8)

    def read_while_somebody_writes() -> str:
        cache.forget()
        return "old"

    assert cache.get("a", read_while_somebody_writes) == ("old", False)
    assert cache.get("a", lambda: "new") == ("new", False)
    assert cache.get("a", lambda: "newer") == ("new", True)
    assert (cache.hits, cache.misses) == (1, 2)


@pytest.mark.rule("D-image-webapp-warm")
def test_the_least_used_goes_first_and_none_are_kept_where_none_should() -> None:
    cache = _cache(2)
    for name in ("a", "b"):
        cache.get(name, lambda name=name: name)
    cache.get("a", str)
    cache.get("c", lambda: "c")
    assert cache.get("a", str) == ("a", True)
    assert cache.get("b", lambda: "b again") == ("b again", False)
    assert len(cache) == 2
    none = _cache(0)
    assert none.get("a", lambda: "x") == none.get("a", lambda: "x") == ("x", False)
