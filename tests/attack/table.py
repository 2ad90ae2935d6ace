# SPDX-License-Identifier: MIT
"""Writes the table of the manual's ATTACKS from what `--table FILE` has written.

usage: python3 tests/attack/table.py FILE man/ucgroupfs.8"""

import csv
import sys

BEGIN, END = '.\\" ATTACKS-BEGIN\n', '.\\" ATTACKS-END\n'
COLUMNS = ("rounds", "forks", "looks", "escapes", "extra", "false", "lost", "doubled")
HEAD = ".TS\nallbox tab(|);\nlb lb" + " rb" * len(COLUMNS) + "\nl lx" + " r" * len(COLUMNS) + ".\n"


def lines(rows):
    yield HEAD
    yield "|".join(("Attack", "What is done", *map(str.capitalize, COLUMNS))) + "\n"
    for row in rows:
        if int(row["rounds"]) or int(row["forks"]):
            figures = "|".join(row[column] for column in COLUMNS)
            yield f"{row['attack']}|T{{\n{row['what it does']}\nT}}|{figures}\n"
    yield ".TE\n"


def main(table, page):
    with open(table, encoding="utf-8", newline="") as file:
        text = "".join(lines(csv.DictReader(file, delimiter="\t")))
    with open(page, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    with open(page, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + text + END + rest.split(END)[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
