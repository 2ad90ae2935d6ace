# SPDX-License-Identifier: MIT
"""What was built, and where."""

import os

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("UCG_BUILD", f"{SOURCE}/build/dev"))
PROGRAMS = {
    "daemon": os.path.abspath(os.environ.get("UCG_DAEMON", f"{BUILD}/src/ucgroupfs")),
    "agent": f"{BUILD}/tests/integration/itest_agent",
    "races": f"{BUILD}/tests/integration/itest_races",
    "shapes": f"{BUILD}/tests/integration/itest_shapes",
}
