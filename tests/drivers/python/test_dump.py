"""What `smongo dump` writes, read by a reader of its own: the layout is that of mongo-tools' common/archive/spec.md."""

import gzip
import os
import pathlib
import struct
import subprocess
import tempfile

import bson
from bson import json_util

from .support import ServerTest

MAGIC = bytes.fromhex("6de29981")
END = b"\xff\xff\xff\xff"


def tool():
    """The tool, which `cargo test --workspace` has built; `tests/drivers/run` says where."""
    return os.environ["SMONGO"]


def crc64(data):
    """CRC-64 with the reflected polynomial of ECMA-182, as a signed number."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0xC96C5795D7870F42 if byte & 1 else 0)
        table.append(byte)
    crc = 0xFFFFFFFFFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return struct.unpack("<q", struct.pack("<Q", crc ^ 0xFFFFFFFFFFFFFFFF))[0]


def blocks(data):
    """The archive's lists of documents, in bytes, one for each end mark."""
    at, block = len(MAGIC), []
    while at < len(data):
        if data[at : at + 4] == END:
            yield block
            at, block = at + 4, []
            continue
        (length,) = struct.unpack_from("<i", data, at)
        block.append(data[at : at + length])
        at += length


class DumpTest(ServerTest):
    def run_tool(self, *arguments):
        uri = os.environ["SMONGO_URI"]
        subprocess.run([tool(), *arguments[:1], uri, *arguments[1:]], check=True, capture_output=True)

    def fill(self):
        self.db.films.insert_many([{"_id": n, "title": f"film {n}", "year": 1900 + n} for n in range(50)])
        self.db.films.create_index([("year", 1), ("title", -1)], unique=True)
        self.db.command("create", "old", viewOn="films", pipeline=[{"$match": {"year": {"$lt": 1910}}}])
        self.db.create_collection("small", validator={"x": {"$exists": False}})
        self.db.small.insert_one({"_id": 1})

    def read(self, data):
        """Metadata and documents by collection."""
        self.assertEqual(data[: len(MAGIC)], MAGIC)
        head, *rest = blocks(data)
        header, *listed = map(bson.decode, head)
        self.assertEqual(list(header), ["concurrent_collections", "version", "server_version", "tool_version"])
        self.assertEqual(header["version"], "0.1")
        metadata = {entry["collection"]: json_util.loads(entry["metadata"]) for entry in listed}
        documents = {entry["collection"]: [] for entry in listed}
        ended = set()
        for block in rest:
            namespace, *raw = bson.decode(block[0]), *block[1:]
            self.assertEqual(list(namespace), ["db", "collection", "EOF", "CRC"])
            name = namespace["collection"]
            if namespace["EOF"]:
                self.assertEqual(namespace["CRC"], crc64(b"".join(documents[name])))
                ended.add(name)
            else:
                documents[name] += raw
        self.assertEqual(ended, set(documents))
        return metadata, {name: [bson.decode(raw) for raw in raws] for name, raws in documents.items()}

    def test_an_archive_has_everything(self):
        self.fill()
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "archive"
            self.run_tool("dump", "-d", self.db.name, f"--archive={file}", "--gzip")
            metadata, documents = self.read(gzip.decompress(file.read_bytes()))
        self.assertEqual(documents["films"], list(self.db.films.find()))
        self.assertEqual(documents["small"], [{"_id": 1}])
        self.assertEqual(documents["old"], [])
        self.assertEqual(metadata["old"]["type"], "view")
        self.assertEqual(metadata["old"]["options"]["viewOn"], "films")
        self.assertEqual(metadata["small"]["options"]["validator"], {"x": {"$exists": False}})
        indexes = [dict(index) for index in self.db.films.list_indexes()]
        self.assertEqual([dict(index) for index in metadata["films"]["indexes"]], indexes)

    def test_a_directory_comes_back(self):
        self.fill()
        before = list(self.db.films.find())
        indexes = self.db.films.index_information()
        with tempfile.TemporaryDirectory() as folder:
            self.run_tool("dump", "-d", self.db.name, "-o", folder)
            files = sorted(path.name for path in (pathlib.Path(folder) / self.db.name).iterdir())
            self.assertEqual(
                files,
                ["films.bson", "films.metadata.json", "old.metadata.json", "small.bson", "small.metadata.json"],
            )
            raw = (pathlib.Path(folder) / self.db.name / "films.bson").read_bytes()
            self.assertEqual(bson.decode_all(raw), before)
            self.client.drop_database(self.db.name)
            self.run_tool("restore", folder)
        self.assertEqual(list(self.db.films.find()), before)
        self.assertEqual(self.db.films.index_information(), indexes)
        self.assertEqual(self.db.old.count_documents({}), 10)
        self.assertEqual(list(self.db.small.find()), [{"_id": 1}])
