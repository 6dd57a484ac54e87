"""JSON-RPC 2.0, one JSON text a line: in on fd 3, out on fd 4. stdin, stdout and stderr have no part in it."""

import asyncio
import json
import os

_IN, _OUT = 3, 4
_CHUNK = 1 << 16
LARGEST_FRAME = 4 << 20


class RemoteError(Exception):
    """The daemon refused a request of the skill."""


class Channel:
    """Sends what was said in one turn of the event loop with one write."""

    def __init__(self, handle, closed):
        self._handle = handle
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._lines = []
        self._asked = {}
        self._last_id = 0
        os.set_blocking(_IN, False)
        self._loop.add_reader(_IN, self._read)

    def notify(self, method, **params):
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def answer(self, request_id, result):
        self._send({"jsonrpc": "2.0", "id": request_id, "result": result})

    def refuse(self, request_id, message, data=None):
        self._send({"jsonrpc": "2.0", "id": request_id, "error": {"code": -32000, "message": message, "data": data}})

    async def ask(self, method, **params):
        self._last_id += 1
        request_id = f"s{self._last_id}"
        future = self._asked[request_id] = self._loop.create_future()
        self._send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        return await future

    def flush(self):
        lines, self._lines = self._lines, []
        rest = memoryview(b"".join(lines))
        while rest:
            rest = rest[os.write(_OUT, rest) :]

    def _send(self, message):
        line = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        if len(line) > LARGEST_FRAME:
            raise ValueError(f"{len(line)} bytes are more than the {LARGEST_FRAME} that a reply may have")
        if not self._lines:
            self._loop.call_soon(self.flush)
        self._lines.append(line + b"\n")

    def _read(self):
        try:
            chunk = os.read(_IN, _CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            self._loop.remove_reader(_IN)
            self._closed()
            return
        self._buffer += chunk
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        for line in lines:
            self._receive(json.loads(line))

    def _receive(self, message):
        if "method" in message:
            self._handle(message)
            return
        future = self._asked.pop(message["id"], None)
        if future is None or future.done():
            return
        if "error" in message:
            future.set_exception(RemoteError(message["error"]["message"]))
        else:
            future.set_result(message["result"])
