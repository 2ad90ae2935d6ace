# SPDX-License-Identifier: MIT
"""The table of the attacks."""

from attacks import ATTACKS
from judge import COLUMNS


class Results:
    def __init__(self):
        self._rows = {}  # of a test
        self._tests = {}  # of an attack
        self._failed = {}
        self._skipped = {}

    def row(self, attack, test):
        self._tests.setdefault(attack, set()).add(test)
        return self._rows.setdefault(test, dict.fromkeys(COLUMNS, 0))

    def note(self, attack, report):
        if report.failed:
            self._failed.setdefault(attack, set()).add(report.nodeid)
        if report.skipped and isinstance(report.longrepr, tuple):
            self._skipped[attack] = report.longrepr[2].removeprefix("Skipped: ")

    def lines(self):
        """(attack, what it does, figures, remark), in the order of ATTACKS."""
        for attack, what in ATTACKS.items():
            if attack in self._tests or attack in self._skipped:
                yield attack, what, self._figures(attack), self._remark(attack)

    def _figures(self, attack):
        rows = [self._rows[test] for test in self._tests.get(attack, ())]
        return {column: sum(row[column] for row in rows) for column in COLUMNS}

    def _remark(self, attack):
        parts = []
        if attack in self._failed:
            parts.append(f"{len(self._failed[attack])} of {len(self._tests[attack])} tests failed")
        if attack in self._skipped:
            parts.append(f"skipped: {self._skipped[attack]}")
        return "; ".join(parts)

    def table(self):
        """For people."""
        yield " ".join([f"{'attack':16}", *(f"{column:>8}" for column in COLUMNS), "remark"])
        for attack, _, figures, remark in self.lines():
            yield " ".join([f"{attack:16}", *(f"{figures[column]:8}" for column in COLUMNS),
                            remark]).rstrip()

    def write(self, path):
        """For programs: fields between tabs."""
        with open(path, "w", encoding="utf-8") as file:
            print("attack", "what it does", *COLUMNS, "remark", sep="\t", file=file)
            for attack, what, figures, remark in self.lines():
                print(attack, what, *figures.values(), remark, sep="\t", file=file)
