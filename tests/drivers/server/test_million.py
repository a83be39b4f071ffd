"""A million documents: what `limit` reads, and what a sorted top ten keeps in memory."""

import itertools
import pathlib
import tempfile
import unittest

import bson
import pymongo
from bson.raw_bson import RawBSONDocument

from smongod import Server

DOCUMENTS = 1_000_000
BATCH_DOCUMENTS = 50_000
MEBIBYTE = 1 << 20


class Million(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.server = Server(pathlib.Path(folder.name))
        cls.server.start()
        cls.addClassCleanup(cls.server.__exit__)
        client = pymongo.MongoClient(cls.server.uri)
        cls.addClassCleanup(client.close)
        cls.numbers = client.test.numbers
        documents = (RawBSONDocument(bson.encode({"_id": n, "v": n * 7919 % DOCUMENTS})) for n in range(DOCUMENTS))
        while batch := list(itertools.islice(documents, BATCH_DOCUMENTS)):
            cls.numbers.insert_many(batch, ordered=False)

    def examined(self, cursor):
        stats = cursor.explain()["executionStats"]
        return stats["nReturned"], stats["totalDocsExamined"]

    def test_limit_ten_reads_ten(self):
        self.assertEqual(self.examined(self.numbers.find().limit(10)), (10, 10))
        self.assertEqual([d["_id"] for d in self.numbers.find().limit(10)], list(range(10)))

    def test_limit_with_skip_and_filter_stops_at_the_last_hit(self):
        self.assertEqual(self.examined(self.numbers.find().skip(5).limit(10)), (10, 15))
        self.assertEqual(self.examined(self.numbers.find({"_id": {"$gte": 100}, "v": {"$gte": 0}}).limit(10))[0], 10)

    def test_a_first_batch_reads_no_more_than_it_gives(self):
        cursor = self.numbers.find(batch_size=10)
        self.assertEqual(next(cursor)["_id"], 0)
        cursor.close()

    def test_a_sorted_top_ten_keeps_ten(self):
        before = self.server.resident_bytes()
        top = [d["v"] for d in self.numbers.find().sort("v", -1).limit(10)]
        self.assertEqual(top, list(range(DOCUMENTS - 1, DOCUMENTS - 11, -1)))
        # Pages of the collection may come into the cache meanwhile; a million sort keys and documents would show.
        self.assertLess(self.server.resident_bytes() - before, 256 * MEBIBYTE)

    def test_a_lookup_by_id_reads_one(self):
        self.assertEqual(self.examined(self.numbers.find({"_id": 765_432})), (1, 1))

    def test_count_and_full_scan(self):
        self.assertEqual(self.numbers.estimated_document_count(), DOCUMENTS)
        self.assertEqual(self.numbers.count_documents({"v": {"$lt": 1000}}), 1000)
