# SPDX-License-Identifier: MIT
"""Writes the manual's ATTACKS from what runs with `--table FILE` have written, added up: what is
done, and the figures.  Apart, as 80 columns have no room for both, and as man shows no table in a
box that is longer than its page.

usage: python3 tests/attack/table.py FILE... man/ucgroupfs.8"""

import csv
import sys

from attacks import ATTACKS

BEGIN, END = '.\\" ATTACKS-BEGIN\n', '.\\" ATTACKS-END\n'
COLUMNS = ("rounds", "forks", "looks", "escapes", "extra", "false", "lost", "doubled")


def formats(font):
    return " ".join([f"l{font}1", *[f"r{font}1"] * (len(COLUMNS) - 1), f"r{font}"])


HEAD = f".TS\ntab(|);\n{formats('b')}\n{formats('')}.\n"


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def added_up(tables):
    """{attack: its sums}, in the order of ATTACKS, which has them all."""
    total = {attack: dict.fromkeys(COLUMNS, 0) for attack in ATTACKS}
    for row in (row for table in tables for row in table):
        for column in COLUMNS:
            total[row["attack"]][column] += int(row[column])
    return total


def lines(total):
    yield f".Bl -tag -width {max(total, key=len)} -compact\n"
    for attack in total:
        yield f".It {attack}\n{ATTACKS[attack]}\n"
    yield ".El\n.Pp\n" + HEAD
    yield "|".join(("Attack", *map(str.capitalize, COLUMNS))) + "\n"
    for attack, sums in total.items():
        yield f"{attack}|{'|'.join(map(str, sums.values()))}\n"
    yield ".TE\n"


def main(*arguments):
    *tables, page = arguments
    text = "".join(lines(added_up(map(read, tables))))
    with open(page, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    with open(page, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + text + END + rest.split(END)[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
