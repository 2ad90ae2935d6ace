# SPDX-License-Identifier: MIT
"""Under which loads a test is run: the parameters of the fixture `load`."""

import pytest

QUIET_AND_LOADED = pytest.mark.parametrize("load", ["quiet", "loaded"], indirect=True)
QUIET_AND_LONG_LOADED = pytest.mark.parametrize(
    "load", ["quiet", pytest.param("loaded", marks=pytest.mark.long)], indirect=True)
