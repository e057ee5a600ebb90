"""What is wrong with how an image states its version and brings its data to it."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from ww.authoring.finding import WARNING, Finding
from ww.home.image import image_version
from ww.instance.hookset import hook_files, step_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ww.authoring.place import Place

_STEP = re.compile(r"(\d{4})-\S+")


def check_upgrades(place: Place) -> Iterator[Finding]:
    """Names of steps, and the version of the image."""
    usr, etc = place.layout.usr, place.layout.etc
    numbers: dict[str, list[str]] = defaultdict(list)
    for name in step_names(usr):
        form = _STEP.fullmatch(name)
        if form:
            numbers[form[1]].append(name)
        else:
            what = "steps run in the order of their names, and this name is not of the form NNNN-what-it-does"
            do = "name it 0001-… while it is not released; a released step is never renamed"
            yield Finding(WARNING, place.name(f"{usr}/upgrade.d/{name}"), what, do)
    for number, names in numbers.items():
        if len(names) > 1:
            what = f"{len(names)} steps have the number {number}: {', '.join(names)}"
            do = "give the newer one the next number while it is not released"
            yield Finding(WARNING, place.name(f"{usr}/upgrade.d/{names[-1]}"), what, do)
    if not image_version(etc):
        needed = "; upgrade is called without FROM and TO, and data cannot tell which image made it"
        what = "the image states no version" + (needed if hook_files(usr, "upgrade") or step_names(usr) else "")
        yield Finding(WARNING, place.name(f"{etc}/version"), what, f"echo 1.0 > {place.name(f'{etc}/version')}")
