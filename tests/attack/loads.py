# SPDX-License-Identifier: MIT
"""Under which loads a test is run: the parameters of the fixture `load`."""

import pytest

QUIET_AND_LOADED = pytest.mark.parametrize("load", ["quiet", "loaded"], indirect=True)
QUIET_AND_LONG_LOADED = pytest.mark.parametrize(
    "load", ["quiet", pytest.param("loaded", marks=pytest.mark.long)], indirect=True)


def shapes_under_loads(shapes, loaded):
    """Each on a quiet machine; on a loaded one those of `loaded`, the others with --long."""
    rows = [(shape, "quiet") for shape in shapes]
    rows += [pytest.param(shape, "loaded", marks=() if shape in loaded else pytest.mark.long)
             for shape in shapes]
    return pytest.mark.parametrize("shape, load", rows, indirect=["load"])
