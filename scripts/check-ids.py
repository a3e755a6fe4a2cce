#!/usr/bin/python3
"""Holds the statements of docs/api.md against the tests: each has at least one, and no test names one that is not there.

usage: check-ids.py [ROOT]

A statement or a table row of docs/api.md begins with its id, as in "- [B-1] …". A test names the ids that it covers anywhere in its text.
"""

import pathlib
import re
import sys

STATEMENT = re.compile(r"^(?:[-|]\s+)?\[([A-Z]+-[0-9]+)\]", re.MULTILINE)
ANY = re.compile(r"\[([A-Z]+-[0-9]+)\]")
TESTS = ["tests/contract/*.cpp", "tests/integration/*.cpp", "tests/browser/*.mjs"]


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    text = (root / "docs/api.md").read_text(encoding="utf-8")
    statements = STATEMENT.findall(text)
    known = set(statements)
    faults = [f"docs/api.md: {name} is there twice" for name in sorted(known) if statements.count(name) > 1]
    faults += [f"docs/api.md: {name} is named but not stated" for name in sorted(set(ANY.findall(text)) - known)]

    # Only words with a prefix of ours are ids: UTF-8 is none.
    prefixes = "|".join(sorted({name.split("-")[0] for name in known}))
    mention = re.compile(rf"\b(?:{prefixes})-[0-9]+\b")
    tested = set()
    for file in sorted(path for pattern in TESTS for path in root.glob(pattern)):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            named = set(mention.findall(line))
            tested |= named
            faults += [f"{file.relative_to(root)}:{number}: {name} is not in docs/api.md" for name in sorted(named - known)]
    faults += [f"docs/api.md: {name} has no test" for name in statements if name not in tested]

    for line in faults:
        print(line, file=sys.stderr)
    if faults or not known:
        sys.exit(f"{len(faults)} fault(s) in {len(known)} statements")
    print(f"{len(known)} statements, each with a test")


if __name__ == "__main__":
    main()
