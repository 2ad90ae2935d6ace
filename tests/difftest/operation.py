# SPDX-License-Identifier: MIT
"""One operation, as it is shown and read back: T2.mkdir(path='/a', mode=511)"""

import ast
import collections
import re


class Operation(collections.namedtuple("Operation", "kind by arguments")):
    def __str__(self):
        words = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items())
        return f"T{self.by}.{self.kind}({words})"


def parse(line):
    by, kind, words = re.fullmatch(r"T(\d+)\.(\w+)\((.*)\)", line.strip()).groups()
    call = ast.parse(f"f({words})", mode="eval").body
    arguments = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    return Operation(kind, int(by), arguments)


class Script:
    """How the hierarchies are mounted, and what is done."""

    def __init__(self, as_root, operations):
        self.as_root = as_root
        self.operations = operations

    def __str__(self):
        mount = "mounted by root" if self.as_root else "mounted by the user"
        return "\n".join([f"# {mount}", *map(str, self.operations)])


def read_script(path):
    with open(path, encoding="utf-8") as file:
        mount, *lines = file.read().splitlines()
    return Script(mount == "# mounted by root", [parse(line) for line in lines if line])
