"""Frames that no honest client sends: each gets an error or a closed connection, and the server lives on."""

import pathlib
import random
import socket
import struct
import tempfile
import threading
import unittest

import bson
import pymongo

from smongod import Server

OP_MSG, OP_QUERY, OP_COMPRESSED = 2013, 2004, 2012
MAX_MESSAGE_BYTES = 48_000_000
MEBIBYTE = 1 << 20


def frame(payload, opcode=OP_MSG, length=None, request=7):
    return struct.pack("<iiii", 16 + len(payload) if length is None else length, request, 0, opcode) + payload


def message(document, flags=0):
    """The payload of an OP_MSG; `document` as a dict or as bytes that need not be BSON."""
    raw = document if isinstance(document, bytes) else bson.encode(document)
    return struct.pack("<I", flags) + b"\0" + raw


def nested(depth):
    """`{a: {a: … {}}}`, so many levels around the innermost document."""
    heads = (struct.pack("<i", 5 + 8 * levels) + b"\x03a\0" for levels in range(depth, 0, -1))
    return b"".join(heads) + struct.pack("<i", 5) + b"\0" * (depth + 1)


PING = {"ping": 1, "$db": "admin"}
GOOD = bson.encode(PING)


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.server = Server(pathlib.Path(cls.folder.name))
        cls.server.start()
        cls.addClassCleanup(cls.server.__exit__)
        cls.client = pymongo.MongoClient(cls.server.uri)
        cls.addClassCleanup(cls.client.close)

    def tearDown(self):
        self.assertTrue(self.server.is_running(), self.server.log_tail())
        self.assertEqual(self.client.admin.command("ping")["ok"], 1.0)

    def answer(self, data, close_writing=True):
        """What comes back: a reply document, or None when the connection was closed without one."""
        with self.server.connect() as connection:
            try:
                connection.sendall(data)
                if close_writing:
                    connection.shutdown(socket.SHUT_WR)
                head = self.receive(connection, 16)
                if head is None:
                    return None
                length, _, _, opcode = struct.unpack("<iiii", head)
                body = self.receive(connection, length - 16)
            except TimeoutError:
                raise
            except OSError:
                return None  # closed while we were still sending
        return bson.decode(body[5:] if opcode == OP_MSG else body[20:])

    def receive(self, connection, count):
        data = b""
        while len(data) < count:
            part = connection.recv(count - len(data))
            if not part:
                return None
            data += part
        return data

    def assert_refused(self, data):
        reply = self.answer(data)
        if reply is not None:
            self.assertEqual(reply["ok"], 0.0, reply)
            self.assertGreater(reply["code"], 0)

    def test_the_helper_itself_gets_an_answer(self):
        self.assertEqual(self.answer(frame(message(PING)))["ok"], 1.0)

    def test_bad_lengths(self):
        for length in (-1, 0, 15, 16, 20, MAX_MESSAGE_BYTES + 1, 2**31 - 1, -(2**31)):
            with self.subTest(length=length):
                self.assert_refused(frame(message(PING), length=length))

    def test_a_frame_that_never_ends(self):
        self.assertIsNone(self.answer(frame(message(PING), length=10_000)))
        self.assertIsNone(self.answer(frame(message(PING))[:9]))

    def test_unknown_opcodes(self):
        for opcode in (0, 1, 2001, 2002, 2005, 2006, 2007, 9999, -1):
            with self.subTest(opcode=opcode):
                self.assert_refused(frame(message(PING), opcode=opcode))

    def test_every_truncation_of_a_good_message(self):
        payload = message(PING)
        for end in range(len(payload)):
            with self.subTest(end=end):
                self.assert_refused(frame(payload[:end]))

    def test_every_damaged_byte_of_a_good_message(self):
        payload = message({"find": "a", "filter": {"x": {"$in": ["abc", 1.5]}}, "$db": "test"})
        for at in range(len(payload)):
            damaged = bytearray(payload)
            damaged[at] ^= 0xFF
            with self.subTest(at=at):
                self.answer(frame(bytes(damaged)))  # an answer of any kind, or none; tearDown asks whether it lives

    def test_damaged_bson(self):
        for raw in (
            struct.pack("<i", 2**31 - 1) + GOOD[4:],
            struct.pack("<i", -5) + GOOD[4:],
            struct.pack("<i", len(GOOD) + 1) + GOOD[4:],
            GOOD[:-1] + b"\x01",
            b"\x0d\0\0\0\x02a\0\xff\xff\xff\x7f\0\0",
            b"\x0d\0\0\0\x02a\0\0\0\0\0\0\0",
            b"\x08\0\0\0\x77a\0\0",
            b"\x10\0\0\0\x05a\0\xff\xff\xff\xff\0\0\0\0\0",
        ):
            with self.subTest(raw=raw):
                self.assert_refused(frame(message(raw)))

    def test_sections_and_flags(self):
        sequence = b"\x01" + struct.pack("<i", 4 + 4) + b"abc\0"
        rows = [
            struct.pack("<I", 0),
            struct.pack("<I", 0) + b"\x09" + GOOD,
            struct.pack("<I", 0) + b"\0" + GOOD + b"\0" + GOOD,
            struct.pack("<I", 0) + sequence,
            struct.pack("<I", 0) + b"\0" + GOOD + b"\x01" + struct.pack("<i", 2**31 - 1) + b"abc\0",
            struct.pack("<I", 0) + b"\0" + GOOD + b"\x01" + struct.pack("<i", 3) + b"abc\0",
            struct.pack("<I", 1 << 7) + b"\0" + GOOD,
            struct.pack("<I", 1) + b"\0" + GOOD + b"\1\2\3\4",
        ]
        for payload in rows:
            with self.subTest(payload=payload):
                self.assert_refused(frame(payload))

    def test_depth(self):
        for depth in (201, 1000, 100_000):
            with self.subTest(depth=depth):
                document = bson.encode({"insert": "deep", "$db": "test"})
                inner = nested(depth)
                documents = struct.pack("<i", len(inner) + 8) + b"\x030\0" + inner + b"\0"
                raw = document[4:-1] + b"\x04documents\0" + documents + b"\0"
                self.assert_refused(frame(message(struct.pack("<i", len(raw) + 4) + raw)))

    def test_deep_filters(self):
        query = {"a": 1}
        for operator in ["$and", "$nor"] * 45:
            query = {operator: [query]}
        with self.assertRaises(pymongo.errors.OperationFailure):
            self.client.test.a.find_one({"$or": [query] * 2, "$and": [{"$nor": [query]}] * 20 + [{"$and": []}]})
        for _ in range(20):
            query = {"$and": [query]}
        with self.assertRaises(pymongo.errors.OperationFailure):
            self.client.test.a.find_one(query)

    def test_compressed_frames(self):
        for original, inner, compressor, body in (
            (OP_MSG, 2**31 - 1, 2, b"x\x9c"),
            (OP_MSG, -1, 1, b""),
            (OP_COMPRESSED, 10, 0, b"\0" * 10),
            (OP_MSG, 100, 9, b"abc"),
            (OP_MSG, 100, 3, b"\x28\xb5\x2f\xfd\xff\xff"),
            (OP_MSG, 47 * MEBIBYTE, 1, b"\x80\x80\x80\x80\x0f" + b"\0" * 100),
        ):
            with self.subTest(compressor=compressor, inner=inner):
                self.assert_refused(
                    frame(struct.pack("<iiB", original, inner, compressor) + body, opcode=OP_COMPRESSED)
                )

    def test_random_bytes(self):
        for seed, length in enumerate([1, 16, 100, 4096, 100_000] * 20):
            with self.subTest(seed=seed, length=length):
                self.answer(random.Random(seed).randbytes(length))

    def test_large_frames_leave_no_memory_behind(self):
        filler = bson.encode(
            {"insert": "big", "documents": [{"pad": b"\0" * (15 * MEBIBYTE)} for _ in range(3)], "$db": "test", "x": 1}
        )
        data = frame(message(filler))
        self.assertLess(len(data), MAX_MESSAGE_BYTES)
        half = data[: len(data) // 2]
        self.client.test.big.drop()

        def storm():
            for _ in range(3):
                self.answer(half)

        storm()
        before = self.server.resident_bytes()
        threads = [threading.Thread(target=storm) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        grown = self.server.resident_bytes() - before
        self.assertLess(grown, 6 * 48 * MEBIBYTE, f"grew by {grown // MEBIBYTE} MiB")

    def test_announced_but_unsent_bytes_cost_nothing(self):
        before = self.server.resident_bytes()
        connections = [self.server.connect() for _ in range(100)]
        try:
            for connection in connections:
                connection.sendall(frame(message(PING), length=MAX_MESSAGE_BYTES))
            self.assertEqual(self.client.admin.command("ping")["ok"], 1.0)
            self.assertLess(self.server.resident_bytes() - before, 64 * MEBIBYTE)
        finally:
            for connection in connections:
                connection.close()

    def test_honest_clients_are_served_meanwhile(self):
        collection = self.client.test.meanwhile
        collection.drop()
        stop = threading.Event()

        def attack():
            while not stop.is_set():
                self.answer(frame(message(PING), length=12))
                self.answer(frame(message(GOOD[:-3])))
                self.answer(random.randbytes(64))

        attackers = [threading.Thread(target=attack) for _ in range(2)]
        for attacker in attackers:
            attacker.start()
        try:
            for n in range(300):
                collection.insert_one({"_id": n})
        finally:
            stop.set()
            for attacker in attackers:
                attacker.join()
        self.assertEqual(collection.count_documents({}), 300)
