#!/usr/bin/python3
"""Holds the includes of every C++ file against the arrows between the rooms (ARCHITECTURE.md).

usage: check-includes.py [ROOT]

Exit 1 where a file includes another room's header against an arrow, a project header by a path that does not begin at the
root, or where a file lies in no room.
"""

import pathlib
import re
import sys

# room: the rooms whose headers it may include besides its own. The longest name that fits a file is its room.
ARROWS = {
    "gateway": [],
    "storage": ["gateway"],
    "adapters/http": ["gateway"],
    "adapters/json": ["gateway"],
    "adapters/logging": ["gateway"],
    "adapters/metrics": ["gateway"],
    "adapters/mqtt": ["gateway"],
    "adapters/systemd": ["gateway"],
    "adapters/websocket": ["gateway"],
    "web": [],
    "tools": ["gateway", "storage", "adapters/logging"],
    "app": ["gateway", "storage", "adapters", "tools", "web"],
    "demo": [],
    "echo": ["gateway", "adapters"],
    "bench": ["gateway", "storage", "tests/support"],  # outside
    # What runs the built program from outside must not know its inside.
    "tests/support": [],
    "tests/contract": ["tests/support"],
    "tests/integration": ["tests/support"],
    "tests/simulation": ["gateway", "storage", "tests/support"],
    "tests/unit": ["gateway", "storage", "adapters", "tools", "web", "app", "tests/support"],
}
# Rooms that include the C++ standard library only: its headers have neither a suffix nor a folder.
STANDARD_ONLY = ["gateway"]

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
SKIPPED = {"build", "node_modules", ".git"}


def inside(path, folder):
    return path.startswith(folder + "/")


def room_of(path):
    return max((room for room in ARROWS if inside(path, room)), key=len, default=None)


def fault(root, room, quote, header):
    """What is wrong with one include of a file, or None."""
    if quote == "<":
        if room in STANDARD_ONLY and re.search(r"[./]", header):
            return f"{room} includes the C++ standard library only"
        if room_of(header) and (root / header).exists():
            return "the project's own headers are included with quotes"
        return None
    if not (root / header).is_file():
        return "no such file; paths begin at the root"
    if any(inside(header, allowed) for allowed in [room, *ARROWS[room]]):
        return None
    return f"{room} may include " + (", ".join(ARROWS[room]) or "no other room")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    faults, files = [], 0
    for file in sorted(root.rglob("*.[ch]pp")):
        path = file.relative_to(root)
        if SKIPPED.intersection(path.parts):
            continue
        files += 1
        room = room_of(str(path))
        if not room:
            faults.append(f"{path}: lies in no room; add it to ARROWS")
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            include = INCLUDE.match(line)
            wrong = include and fault(root, room, *include.groups())
            if wrong:
                faults.append(f"{path}:{number}: {include[2]}: {wrong}")
    for line in faults:
        print(line, file=sys.stderr)
    if faults or not files:
        sys.exit(f"{len(faults)} wrong include(s) in {files} files")
    print(f"{files} files keep to the arrows")


if __name__ == "__main__":
    main()
