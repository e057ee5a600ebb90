from __future__ import annotations

import pytest

from ww.supervise.notify import LONGEST_STATUS, Notice, parse

pytestmark = pytest.mark.rule("D-service-notify")


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (b"READY=1", Notice(ready=True)),
        (b"READY=1\nSTATUS=all is well\n", Notice(ready=True, status="all is well")),
        (b"READY=0", Notice()),
        (b"STOPPING=1", Notice(stopping=True)),
        (b"WATCHDOG=1", Notice(watchdog=True)),
        (b"WATCHDOG=trigger", Notice()),
        (b"EXTEND_TIMEOUT_USEC=1500001", Notice(extend_ms=1501)),
        (b"EXTEND_TIMEOUT_USEC=0", Notice(extend_ms=0)),
        (b"EXTEND_TIMEOUT_USEC=-1", Notice()),
        ("EXTEND_TIMEOUT_USEC=²".encode(), Notice()),
        (b"EXTEND_TIMEOUT_USEC=" + b"9" * 21, Notice()),
        (b"STATUS=", Notice(status="")),
        (b"STATUS=a=b", Notice(status="a=b")),
        ("STATUS=héllo \x1b[31mred\x07".encode(), Notice(status="héllo ?[31mred?")),
        (b"STATUS=" + b"x" * 300, Notice(status="x" * LONGEST_STATUS)),
        (b"MAINPID=1\nBARRIER=1\nFDSTORE=1\n\nno equals sign\n=x\n READY=1", Notice()),
        (b"", Notice()),
        (b"READY=1\0", None),
        (b"READY=1\nSTATUS=\xff", None),
        (b"READY=1\n" + b"x" * 4096, None),
    ],
)
def test_what_a_datagram_says(datagram: bytes, expected: Notice | None) -> None:
    assert parse(datagram) == expected
