"""A client of the frames format, from PROTOCOL.md and Python's standard library alone.

It starts one run, follows it over as many sockets as it takes, and prints what it knows at the end as JSON. Arguments:
the address (ws://host:port/ws), the thread's id, the run's id, the text of the user's message.
"""

import base64
import json
import os
import random
import socket
import struct
import sys
import time
from urllib.parse import quote, urlsplit


class Closed(Exception):
    """The socket is gone. `code`: how it was closed."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Refused(Exception):
    """The upgrade was answered with another status than 101."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


class WebSocket:
    """RFC 6455, as far as a client needs it: text, pings, closing; no extensions."""

    def __init__(self, address):
        url = urlsplit(address)
        self.bytes = b""
        try:
            self.socket = socket.create_connection((url.hostname, url.port), timeout=10)
            key = base64.b64encode(os.urandom(16)).decode()
            self.socket.sendall(
                (
                    f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sluice.v1\r\n\r\n"
                ).encode()
            )
            while b"\r\n\r\n" not in self.bytes:
                self.fill()
        except OSError as error:
            raise Closed(1006) from error
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        status = int(head.split(b" ", 2)[1])
        if status != 101:
            raise Refused(status)

    def fill(self):
        try:
            more = self.socket.recv(65536)
        except OSError as error:
            raise Closed(1006) from error
        if not more:
            raise Closed(1006)
        self.bytes += more

    def take(self, count):
        while len(self.bytes) < count:
            self.fill()
        taken, self.bytes = self.bytes[:count], self.bytes[count:]
        return taken

    def receive(self):
        text = b""
        while True:
            first, second = self.take(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack(">H", self.take(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self.take(8))
            payload = self.take(length)
            opcode = first & 0x0F
            if opcode == 8:
                raise Closed(struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005)
            if opcode == 9:
                self.transmit(10, payload)
            elif opcode in (0, 1):
                text += payload
                if first & 0x80:
                    return text.decode()

    def send(self, text):
        self.transmit(1, text.encode())

    def transmit(self, opcode, payload):
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", 0x80 | opcode, 0x80 | size)
        elif size < 65536:
            head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, size)
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        try:
            self.socket.sendall(head + mask + masked)
        except OSError as error:
            raise Closed(1006) from error

    def close(self):
        self.socket.close()


def position_of(cursor):
    epoch, offset = cursor.split(":")
    return epoch, int(offset)


class Thread:
    """What is known of a thread: its messages, from the table of events."""

    def __init__(self):
        self.messages = []
        self.run = None
        self.terminal = None

    def message(self, message_id, role):
        for message in self.messages:
            if message["id"] == message_id:
                return message
        self.messages.append({"id": message_id, "role": role, "content": ""})
        return self.messages[-1]

    def call(self, call_id):
        for message in self.messages:
            for call in message.get("toolCalls", []):
                if call["id"] == call_id:
                    return call
        return None

    def apply(self, event):
        kind = event["type"]
        if kind == "RUN_STARTED":
            self.run, self.terminal = event["runId"], None
            known = {message["id"] for message in self.messages}
            new = event.get("input", {}).get("messages", [])
            self.messages += [message for message in new if message["id"] not in known]
        elif kind == "MESSAGES_SNAPSHOT":
            self.messages = event["messages"]
        elif kind == "TEXT_MESSAGE_START":
            self.message(event["messageId"], event.get("role", "assistant"))
        elif kind == "TEXT_MESSAGE_CONTENT":
            self.message(event["messageId"], "assistant")["content"] += event["delta"]
        elif kind == "REASONING_MESSAGE_START":
            self.message(event["messageId"], "reasoning")
        elif kind == "REASONING_MESSAGE_CONTENT":
            self.message(event["messageId"], "reasoning")["content"] += event["delta"]
        elif kind == "TOOL_CALL_START":
            owner = self.message(event.get("parentMessageId", event["toolCallId"]), "assistant")
            function = {"name": event["toolCallName"], "arguments": ""}
            owner.setdefault("toolCalls", []).append({"id": event["toolCallId"], "type": "function", "function": function})
        elif kind == "TOOL_CALL_ARGS":
            self.call(event["toolCallId"])["function"]["arguments"] += event["delta"]
        elif kind == "TOOL_CALL_RESULT":
            result = {"id": event["messageId"], "role": "tool", "toolCallId": event["toolCallId"], "content": event["content"]}
            if "error" in event.get("metadata", {}):
                result["error"] = event["metadata"]["error"]
            self.messages.append(result)
        elif kind in ("RUN_FINISHED", "RUN_ERROR"):
            self.terminal = event


class Client:
    """One run on one thread, followed to its end. The names of the states are those of PROTOCOL.md's table."""

    GIVE_UP_STATUS = {400, 401, 403, 404, 413}
    GIVE_UP_CODE = {1002, 1003, 1007, 1008, 4400, 4401, 4403}

    def __init__(self, address, thread_id, run_id, text):
        self.address, self.thread_id, self.run_id = address, thread_id, run_id
        self.topic = "thread:" + quote(thread_id, safe="!~*'()")
        message = {"id": run_id + "-question", "role": "user", "content": text}
        run = {"threadId": thread_id, "runId": run_id, "protocolVersion": "1.0", "messages": [message], "tools": [], "context": []}
        self.run_frame = {"type": "run", "id": "run", "input": run}
        self.thread = Thread()
        self.position = None
        self.acknowledged = False  # The run exists, and the topic is followed.
        self.beginning = False  # What comes next is a beginning.
        self.held = []
        self.sockets = self.cuts = self.gaps = self.cut_in_beginning = 0
        self.failures = 0
        self.reconnect_after = 0.0

    def outcome(self):
        """How the run ended; `None` while that is not known."""
        terminal = self.thread.terminal
        if terminal is None:
            return None
        if self.thread.run != self.run_id:
            return "unknown"
        if terminal["type"] == "RUN_ERROR":
            return terminal.get("code", "error")
        return terminal.get("outcome", {}).get("type", "success")

    def follow(self):
        while self.outcome() is None:
            try:
                self.converse()
            except Refused as error:
                if error.status in self.GIVE_UP_STATUS:
                    raise
                self.wait(1006)
            except Closed as error:
                self.cuts += 1
                self.cut_in_beginning += self.beginning
                if error.code in self.GIVE_UP_CODE:
                    raise
                self.wait(error.code)

    def wait(self, code):
        pause = random.random() * min(15.0, 0.25 * 2**self.failures)
        self.failures += 1
        if code in (1013, 4429):
            pause += 5
        time.sleep(max(pause, self.reconnect_after) * PACE)
        self.reconnect_after = 0.0

    def converse(self):
        web_socket = WebSocket(self.address)
        self.sockets += 1
        try:
            hello = json.loads(web_socket.receive())
            assert hello["type"] == "hello", hello
            web_socket.socket.settimeout(hello["heartbeatSeconds"] * 2.3)
            self.held = []
            if self.acknowledged:
                frame = {"type": "subscribe", "id": "subscribe", "topic": self.topic, "protocol": "1.0"}
                if self.position is not None:
                    frame["after"] = self.position
                self.beginning = self.position is None
                web_socket.send(json.dumps(frame))
            else:
                web_socket.send(json.dumps(self.run_frame))
            while self.outcome() is None:
                self.receive(json.loads(web_socket.receive()), web_socket)
        finally:
            web_socket.close()

    def receive(self, frame, web_socket):
        self.failures = 0
        kind = frame["type"]
        if kind == "ack" and frame.get("id") == "run":
            self.acknowledged, self.position, self.beginning = True, frame["cursor"], False
        elif kind == "gap":
            self.gaps += 1
            self.held, self.beginning = [], True
        elif kind == "draining":
            self.reconnect_after = frame["reconnectAfterMs"] / 1000
        elif kind == "error":
            raise SystemExit(json.dumps(frame))
        elif kind == "event" and frame["topic"] == self.topic:
            self.event(frame, web_socket)

    def event(self, frame, web_socket):
        cursor = frame.get("cursor")
        self.held.append(frame["data"])
        if cursor is None:
            return
        events, self.held = self.held, []
        if not self.beginning and self.position is not None:
            epoch, offset = position_of(cursor)
            known_epoch, known = position_of(self.position)
            if epoch == known_epoch and offset <= known:
                return
            assert epoch == known_epoch and offset == known + frame.get("n", 1), f"lost: {self.position}, then {cursor}"
        self.beginning, self.position = False, cursor
        for event in events:
            self.thread.apply(event)


# Tests hurry: the pauses are this much of what they should be.
PACE = float(os.environ.get("PACE", "1"))

if __name__ == "__main__":
    client = Client(*sys.argv[1:5])
    client.follow()
    print(
        json.dumps(
            {
                "outcome": client.outcome(),
                "messages": client.thread.messages,
                "sockets": client.sockets,
                "cuts": client.cuts,
                "gaps": client.gaps,
                "cutInBeginning": client.cut_in_beginning,
            }
        )
    )
