#!/usr/bin/python3
"""Runs a program under the system call filter of a unit, as systemd would.

usage: shut-in.py UNIT PROGRAM [ARGUMENT]...

Takes SystemCallFilter=, SystemCallErrorNumber=, RestrictAddressFamilies= and MemoryDenyWriteExecute= of the unit: what
needs no privilege and no systemd.
"""

import ctypes
import errno
import mmap
import os
import socket
import subprocess
import sys

ALLOW, ERRNO = 0x7FFF0000, 0x00050000  # seccomp_init(3)
EQUAL, MASKED_EQUAL = 4, 7  # seccomp_rule_add(3)
NO_NEW_PRIVILEGES = 38  # prctl(2)


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("how", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def values(unit, name):
    with open(unit, encoding="utf-8") as lines:
        return [line.split("=", 1)[1].strip() for line in lines if line.startswith(name + "=")]


def members(name):
    """The system calls of a set such as @network-io, or the one that is named."""
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True)
    found = set()
    for line in listed.stdout.splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            found |= members(word)
    return found


def allowed(unit):
    calls = set()
    for line in values(unit, "SystemCallFilter"):
        names = set().union(*(members(name) for name in line.removeprefix("~").split()))
        calls = calls - names if line.startswith("~") else calls | names
    # systemd itself has to start the program.
    return calls | members("@default") | {"execve"}


def main():
    unit, program = sys.argv[1], sys.argv[2:]
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    refused = ERRNO | getattr(errno, values(unit, "SystemCallErrorNumber")[0])
    seccomp = ctypes.c_void_p(library.seccomp_init(refused))

    def allow(call, *comparisons):
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:  # else this machine does not have it
            array = (Comparison * len(comparisons))(*comparisons)
            if library.seccomp_rule_add_array(seccomp, ALLOW, number, len(comparisons), array) != 0:
                sys.exit(f"seccomp_rule_add({call})")

    calls = allowed(unit)
    if values(unit, "MemoryDenyWriteExecute") == ["yes"]:
        calls -= {"mprotect", "pkey_mprotect", "mmap"}
        allow("mprotect", Comparison(2, MASKED_EQUAL, mmap.PROT_EXEC, 0))
        allow("mmap", Comparison(2, MASKED_EQUAL, mmap.PROT_EXEC, 0))
        allow("mmap", Comparison(2, MASKED_EQUAL, mmap.PROT_WRITE, 0))
    families = values(unit, "RestrictAddressFamilies")[0].split()
    calls.discard("socket")
    for family in families:
        allow("socket", Comparison(0, EQUAL, getattr(socket, family), 0))
    for call in sorted(calls):
        allow(call)
    ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if library.seccomp_load(seccomp) != 0:
        sys.exit("seccomp_load")
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
