# SPDX-License-Identifier: MIT
"""Writes the table of the manual's ATTACKS from what runs with `--table FILE` have written, added up.

usage: python3 tests/attack/table.py FILE... man/ucgroupfs.8"""

import csv
import sys

BEGIN, END = '.\\" ATTACKS-BEGIN\n', '.\\" ATTACKS-END\n'
COLUMNS = ("rounds", "forks", "looks", "escapes", "extra", "false", "lost", "doubled")
HEAD = ".TS\nallbox tab(|);\nlb lb" + " rb" * len(COLUMNS) + "\nl lx" + " r" * len(COLUMNS) + ".\n"


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def added_up(tables):
    """Rows in the order of the first table that has them."""
    total = {}
    for row in (row for table in tables for row in table):
        sums = total.setdefault((row["attack"], row["what it does"]), dict.fromkeys(COLUMNS, 0))
        for column in COLUMNS:
            sums[column] += int(row[column])
    return total


def lines(total):
    yield HEAD
    yield "|".join(("Attack", "What is done", *map(str.capitalize, COLUMNS))) + "\n"
    for (attack, what), sums in total.items():
        if sums["rounds"] or sums["forks"]:
            yield f"{attack}|T{{\n{what}\nT}}|{'|'.join(map(str, sums.values()))}\n"
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
