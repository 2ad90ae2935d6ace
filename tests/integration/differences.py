# SPDX-License-Identifier: MIT
"""Where ours differs from the kernel, and may: the test (file::name, with its parameters but
without the hierarchy's) and the reason.  Each is a row of DIFFERENCES in the manual page.  A test
that is listed here and passes all the same fails: the row has to go.
"""

DIFFERENCES = {
}
