"""A worker that does on demand what a decoder does to us."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from hedgerow.media.sandbox_worker import Request, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.stdout.write("import-time chatter that is no frame\n")
sys.stdout.flush()


GREETINGS: list[dict[str, Any]] = []


def misbehave(what: str) -> dict[str, Any]:
    match what:
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            time.sleep(60)
        case "burn":
            while True:
                pass
        case "exit":
            os._exit(3)
        case "allocate":
            return {"size": len(bytearray(1 << 33))}
        case "bug":
            raise ValueError("the secret name")
        case "chatter":
            sys.stdout.write("to stdout\n")
            os.write(1, b"straight to the descriptor\n" * 100)
            sys.stdout.flush()
        case "write":
            with open("should-not-be", "wb") as file:  # noqa: PTH123  (short)
                file.write(b"x" * 10_000)
        case "read-stdin":
            return {"stdin": sys.stdin.read()}
        case "environment":
            return {"names": sorted(os.environ)}
        case "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        case "pid":
            return {"pid": os.getpid(), "nursery": os.getppid()}
        case "threads":
            return {"threads": len(os.listdir(f"/proc/{os.getppid()}/task"))}  # noqa: PTH208  (a plain count)
        case "descriptors":
            return {"descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd"))}  # noqa: PTH208  (names)
        case "kill-nursery":
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        case "greeting":
            return {"greeting": GREETINGS}
        case "nap":
            time.sleep(0.05)
        case _:
            pass
    return {"did": what}


def handle(request: Request) -> Iterator[dict[str, Any]]:
    if request.body.get("do") == "nonsense":
        request._wire.send({"id": 77, "answer": {}, "done": True})
    elif request.data:
        yield {"bytes": len(request.data), "first": request.data[0], "done": True}
    elif "members" in request.body:
        for number, what in enumerate(request.body["members"]):
            if number < request.skip:
                continue
            request.begin(f"member {number}")
            yield {"member": number, **misbehave(what)}
    elif "echo" in request.body:
        yield {"echo": request.body["echo"], "done": True}
    else:
        yield {**misbehave(request.body["do"]), "done": True}


if __name__ == "__main__":
    serve(handle, prepare=GREETINGS.append)
