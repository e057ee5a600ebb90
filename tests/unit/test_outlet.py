from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ww.instance.outlet import Outlet
from ww.instance.settings import default_settings


@pytest.mark.rule("D-journal-bounded", "D-reporter-reload")
def test_a_bound_of_the_journal_that_a_reload_changed_holds_for_pid_1_too() -> None:
    """Without a reporter for long, PID 1 would delete what no sink has by the bound that held at the start."""
    journal = SimpleNamespace(max_bytes=1)
    data = SimpleNamespace(in_use=False)
    crew: Any = SimpleNamespace(journal=journal, settings=default_settings(), data=data, environ={})
    Outlet(crew).reloaded()
    assert journal.max_bytes == crew.settings.number("journal.max_bytes") > 1
