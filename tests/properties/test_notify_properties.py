from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ww.supervise.notify import LONGEST_STATUS, parse


@pytest.mark.rule("D-service-notify")
@given(st.binary(max_size=5000) | st.builds(lambda text: b"STATUS=" + text.encode("utf-8", "replace"), st.text()))
def test_no_datagram_breaks_the_reader_and_every_status_can_be_shown(datagram: bytes) -> None:
    notice = parse(datagram)
    if notice is not None and notice.status is not None:
        assert notice.status.isprintable()
        assert len(notice.status) <= LONGEST_STATUS
