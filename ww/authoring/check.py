"""`ww check`: every finding about one directory of an author."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ww.authoring.configuration import check_configuration, settings_of
from ww.authoring.finding import LEVELS, PROBLEM
from ww.authoring.hooks import all_files, check_hooks, check_names, check_pairs
from ww.authoring.scripts import check_files, check_script
from ww.authoring.services import check_services, definitions
from ww.authoring.sinks import check_sinks
from ww.authoring.upgrades import check_upgrades

if TYPE_CHECKING:
    from ww.authoring.finding import Finding
    from ww.authoring.place import Place
    from ww.types import JsonObject

FORMAT = 1


def check(place: Place) -> list[Finding]:
    """What is wrong in `place`, problems and warnings, in the order of files and lines."""
    compiled, of_configuration = check_configuration(place)
    settings = settings_of(compiled)
    has_services = bool(definitions(place.layout.usr, settings).services)
    found = [*check_hooks(place), *check_names(place), *check_pairs(place, has_services), *of_configuration]
    found += check_services(place, settings, compiled)
    found += check_sinks(place, compiled)
    for file in all_files(place.layout.usr):
        if not file.problem:
            found += check_script(place, file.path)
    found += check_files(place)
    found += check_upgrades(place)
    return sorted(found, key=lambda item: (LEVELS.index(item.level), item.file, item.line, item.what))


def problems_in(found: list[Finding]) -> int:
    """How many of the findings are problems."""
    return sum(item.level == PROBLEM for item in found)


def report(place: Place, found: list[Finding], compiled: str = "", sinks: str = "") -> JsonObject:
    """As `ww check --json` prints it; `compiled` and `sinks` are the files that `--compile` wrote, "" if it wrote none."""
    problems = problems_in(found)
    return {
        "format": FORMAT,
        "directory": place.directory,
        "problems": problems,
        "warnings": len(found) - problems,
        "compiled": compiled or None,
        "sinks": sinks or None,
        "findings": [item.record() for item in found],
    }
