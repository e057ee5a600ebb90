"""The package says which version it is."""

from importlib.metadata import version

import ww


def test_the_package_and_its_distribution_agree_on_the_version() -> None:
    assert version("whaleware") == ww.__version__
