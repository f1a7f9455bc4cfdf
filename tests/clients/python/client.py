"""The script of ../README.md, played by python-socketio.

    python client.py <4|5> <polling|websocket|upgrade> <url>

Prints ``ok <name>`` or ``not ok <name>: why`` for each check; exits with 1 if any of them failed.
With AXUM_SOCKETIO_ORIGINAL=1 it allows what only the original server does.
"""

import asyncio
import importlib.metadata
import sys

from peer import Subject
from script import CHECKS, SKIPPED

CHECK_DEADLINE_S = 20
DEADLINE_S = 120


async def main(generation, transports, url):
    subject = Subject(generation, transports, url)
    failures = 0
    for name, play in CHECKS:
        try:
            if await asyncio.wait_for(play(subject), CHECK_DEADLINE_S) is not SKIPPED:
                print(f"ok {name}", flush=True)
        except Exception as error:
            failures += 1
            print(f"not ok {name}: {error or type(error).__name__}", flush=True)
        await subject.close_all()
    return failures


def arguments():
    generation, transports, url = sys.argv[1:]
    if transports not in ("polling", "websocket", "upgrade"):
        sys.exit("usage: client.py <4|5> <polling|websocket|upgrade> <url>")
    installed = importlib.metadata.version("python-socketio")
    if not installed.startswith(f"{generation}."):
        sys.exit(f"asked for python-socketio {generation}, but {installed} is installed")
    return int(generation), transports, url


if __name__ == "__main__":
    try:
        sys.exit(min(asyncio.run(asyncio.wait_for(main(*arguments()), DEADLINE_S)), 1))
    except asyncio.TimeoutError:
        sys.exit(f"not ok: the whole script took more than {DEADLINE_S} s")
