#!/usr/bin/python3
"""Walks the table of docs/limits.md: each limit has a test that reaches it and looks at what was counted.

usage: check-limits.py [ROOT]

In contract tests that is an expectation of reached(HALL, "NAME"), in unit tests one that names Limit::NAME. That the table is the one in
the code is a unit test's.
"""

import pathlib
import re
import sys

ROW = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)
EXPECTED = re.compile(r"\b(?:EXPECT|ASSERT)_[A-Z]+\([^;]*?(?:\bLimit::|\breached\(\w+, \")([a-z_]+)")
TESTS = ["tests/contract/*.cpp", "tests/unit/*.cpp"]


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    limits = ROW.findall((root / "docs/limits.md").read_text(encoding="utf-8"))
    reached = set()
    for file in (path for pattern in TESTS for path in root.glob(pattern)):
        reached |= set(EXPECTED.findall(file.read_text(encoding="utf-8")))
    missing = [name for name in limits if name not in reached]
    for name in missing:
        print(f"docs/limits.md: no test reaches {name}", file=sys.stderr)
    if missing or not limits:
        sys.exit(f"{len(missing)} of {len(limits)} limits without a test")
    print(f"{len(limits)} limits, each reached by a test")


if __name__ == "__main__":
    main()
