"""Create, read, delete: every value type, nested and array paths, sort, skip, limit, projections, cursors."""

import datetime
import re
import uuid

import bson
import pymongo
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp

from .support import ServerTest

STOCK = [
    {
        "_id": 1,
        "item": "journal",
        "qty": 25,
        "size": {"h": 14, "w": 21, "unit": "cm"},
        "tags": ["blank", "red"],
        "dim": [14, 21],
    },
    {
        "_id": 2,
        "item": "notebook",
        "qty": 50,
        "size": {"h": 8.5, "w": 11, "unit": "in"},
        "tags": ["red", "blank"],
        "dim": [14, 21],
    },
    {
        "_id": 3,
        "item": "paper",
        "qty": 100,
        "size": {"h": 8.5, "w": 11, "unit": "in"},
        "tags": ["red", "blank", "plain"],
        "dim": [14, 21],
    },
    {
        "_id": 4,
        "item": "planner",
        "qty": 75,
        "size": {"h": 22.85, "w": 30, "unit": "cm"},
        "tags": ["blank", "red"],
        "dim": [22.85, 30],
    },
    {
        "_id": 5,
        "item": "postcard",
        "qty": 45,
        "size": {"h": 10, "w": 15.25, "unit": "cm"},
        "tags": ["blue"],
        "dim": [10, 15.25],
    },
    {"_id": 6, "item": None, "stores": [{"name": "A", "left": 5}, {"name": "B", "left": 0}]},
    {"_id": 7, "stores": [{"name": "A", "left": 0}, {"name": "B", "left": 9}]},
]


class Values(ServerTest):
    def test_every_type_comes_back_as_it_was(self):
        document = {
            "_id": ObjectId(),
            "double": 3.25,
            "string": "pâté 🥧",
            "document": {"a": {"b": {}}},
            "array": [1, "two", [3], {"four": 4}, []],
            "binary": Binary(b"\x00\x01\xff", 128),
            "bytes": b"raw",
            "uuid": Binary.from_uuid(uuid.UUID("12345678-1234-5678-1234-567812345678")),
            "yes": True,
            "no": False,
            "date": datetime.datetime(1969, 7, 20, 20, 17, 40, 123000),
            "null": None,
            "regex": Regex("^a.*z$", "im"),
            "code": Code("return 1"),
            "scoped": Code("return x", {"x": 1}),
            "int32": 2**31 - 1,
            "int64": Int64(5),
            "timestamp": Timestamp(7, 8),
            "decimal": Decimal128("1234567890.1234567890123456"),
            "min": MinKey(),
            "max": MaxKey(),
            "ref": DBRef("planets", 4),
        }
        self.db.values.insert_one(document)
        self.assertEqual(bson.encode(self.db.values.find_one()), bson.encode(document))

    def test_equality_crosses_numeric_types_but_not_others(self):
        self.db.values.insert_many(
            [{"_id": n, "v": v} for n, v in enumerate([1, Int64(1), 1.0, Decimal128("1.00"), "1", True])]
        )
        self.assertEqual(self.ids(self.db.values, {"v": 1}), [0, 1, 2, 3])
        self.assertEqual(self.ids(self.db.values, {"v": True}), [5])

    def test_sort_orders_types_canonically(self):
        values = [
            MinKey(),
            None,
            -1,
            2.5,
            "a",
            {"x": 1},
            b"b",
            ObjectId(),
            False,
            True,
            datetime.datetime(2020, 1, 1),
            Timestamp(1, 1),
            Regex("x"),
            MaxKey(),
        ]
        self.db.values.insert_many([{"_id": n, "v": values[n]} for n in reversed(range(len(values)))])
        self.assertEqual([d["_id"] for d in self.db.values.find().sort("v", 1)], list(range(len(values))))
        self.assertEqual([d["_id"] for d in self.db.values.find().sort("v", -1)], list(reversed(range(len(values)))))


class Find(ServerTest):
    def setUp(self):
        super().setUp()
        self.stock = self.db.stock
        self.stock.insert_many(STOCK)

    def test_filters(self):
        rows = [
            ({}, [1, 2, 3, 4, 5, 6, 7]),
            ({"size.unit": "cm"}, [1, 4, 5]),
            ({"size.h": {"$lt": 10}}, [2, 3]),
            ({"size": {"h": 14, "w": 21, "unit": "cm"}}, [1]),
            ({"size": {"w": 21, "h": 14, "unit": "cm"}}, []),
            ({"tags": "red"}, [1, 2, 3, 4]),
            ({"tags": ["red", "blank"]}, [2]),
            ({"tags": {"$all": ["red", "blank"]}}, [1, 2, 3, 4]),
            ({"tags": {"$size": 3}}, [3]),
            ({"tags.0": "red"}, [2, 3]),
            ({"dim": {"$gt": 15, "$lt": 20}}, [1, 2, 3, 5]),
            ({"dim": {"$elemMatch": {"$gt": 22, "$lt": 30}}}, [4]),
            ({"dim.1": {"$gt": 25}}, [4]),
            ({"stores.left": {"$gt": 4}}, [6, 7]),
            ({"stores": {"$elemMatch": {"name": "A", "left": {"$gt": 4}}}}, [6]),
            ({"stores.0.left": 0}, [7]),
            ({"item": None}, [6, 7]),
            ({"item": {"$exists": False}}, [7]),
            ({"item": {"$type": "null"}}, [6]),
            ({"item": {"$in": ["paper", re.compile("^no")]}}, [2, 3]),
            ({"item": {"$nin": ["paper", None]}}, [1, 2, 4, 5]),
            ({"item": re.compile("^P", re.I)}, [3, 4, 5]),
            ({"qty": {"$mod": [50, 0]}}, [2, 3]),
            ({"qty": {"$not": {"$gt": 45}}}, [1, 5, 6, 7]),
            ({"$or": [{"qty": {"$lt": 30}}, {"item": re.compile("card$")}]}, [1, 5]),
            ({"$nor": [{"qty": {"$exists": True}}, {"_id": 7}]}, [6]),
            ({"$and": [{"qty": {"$gte": 50}}, {"qty": {"$lte": 75}}]}, [2, 4]),
            ({"$expr": {"$gt": ["$size.w", "$qty"]}}, []),
            ({"$expr": {"$and": [{"$eq": ["$size.unit", "in"]}, {"$lt": ["$qty", 100]}]}}, [2]),
        ]
        for query, expected in rows:
            with self.subTest(query=query):
                self.assertEqual(self.ids(self.stock, query), expected)

    def test_sort_skip_limit(self):
        found = self.stock.find({"qty": {"$exists": True}}).sort([("size.unit", 1), ("qty", -1)]).skip(1).limit(3)
        self.assertEqual([d["_id"] for d in found], [5, 1, 3])

    def test_projections(self):
        rows = [
            ({"_id": 1}, {"item": 1}, {"_id": 1, "item": "journal"}),
            ({"_id": 1}, {"item": 1, "size.unit": 1, "_id": 0}, {"item": "journal", "size": {"unit": "cm"}}),
            ({"_id": 5}, {"size": 0, "dim": 0, "tags": 0}, {"_id": 5, "item": "postcard", "qty": 45}),
            ({"_id": 3}, {"tags": {"$slice": -2}, "item": 1}, {"_id": 3, "item": "paper", "tags": ["blank", "plain"]}),
            (
                {"_id": 7},
                {"stores": {"$elemMatch": {"left": {"$gt": 0}}}},
                {"_id": 7, "stores": [{"name": "B", "left": 9}]},
            ),
            ({"_id": 7, "stores.left": 9}, {"stores.$": 1}, {"_id": 7, "stores": [{"name": "B", "left": 9}]}),
            ({"_id": 6}, {"stores.name": 1}, {"_id": 6, "stores": [{"name": "A"}, {"name": "B"}]}),
        ]
        for query, projection, expected in rows:
            with self.subTest(projection=projection):
                self.assertEqual(self.stock.find_one(query, projection), expected)

    def test_count_distinct_and_estimated_count(self):
        self.assertEqual(self.stock.count_documents({"tags": "red"}), 4)
        self.assertEqual(self.stock.count_documents({"tags": "red"}, skip=1, limit=2), 2)
        self.assertEqual(self.stock.estimated_document_count(), 7)
        self.assertCountEqual(self.stock.distinct("tags"), ["blank", "blue", "plain", "red"])
        self.assertCountEqual(self.stock.distinct("size.unit", {"qty": {"$gt": 60}}), ["cm", "in"])

    def test_deletes(self):
        self.assertEqual(self.stock.delete_one({"tags": "red"}).deleted_count, 1)
        self.assertEqual(self.stock.delete_many({"size.unit": "in"}).deleted_count, 2)
        self.assertEqual(self.stock.delete_many({"no": "such"}).deleted_count, 0)
        self.assertEqual(self.ids(self.stock, {}), [4, 5, 6, 7])


class Cursors(ServerTest):
    def setUp(self):
        super().setUp()
        self.db.numbers.insert_many([{"_id": n, "parity": n % 2, "pad": "x" * 100} for n in range(1000)])

    def test_batches(self):
        cursor = self.db.numbers.find({"parity": 1}, batch_size=7)
        self.assertEqual([d["_id"] for d in cursor], list(range(1, 1000, 2)))

    def test_natural_order_is_insertion_order_and_can_be_reversed(self):
        order = [7, 3, 9, 1, 8]
        self.db.shuffled.insert_many([{"_id": n} for n in order])
        self.assertEqual([d["_id"] for d in self.db.shuffled.find()], order)
        self.assertEqual([d["_id"] for d in self.db.shuffled.find().sort("$natural", -1)], order[::-1])

    def test_a_batch_stays_below_16_mebibytes(self):
        big = "x" * (1024 * 1024)
        self.db.big.insert_many([{"_id": n, "text": big} for n in range(40)])
        first = self.db.command("find", "big", batchSize=1000)["cursor"]
        self.assertGreaterEqual(len(first["firstBatch"]), 14)
        self.assertLess(len(first["firstBatch"]), 17)
        self.assertNotEqual(first["id"], 0)
        self.assertEqual(sum(1 for _ in self.db.big.find()), 40)

    def test_documents_written_meanwhile_do_not_disturb_a_cursor(self):
        cursor = self.db.numbers.find(batch_size=10)
        for _ in range(10):
            next(cursor)
        self.db.numbers.delete_many({"_id": {"$gte": 500}})
        self.assertEqual([d["_id"] for d in cursor], list(range(10, 500)))

    def test_killed_cursor_is_43(self):
        reply = self.db.command("find", "numbers", batchSize=2)
        identifier = reply["cursor"]["id"]
        self.assertNotEqual(identifier, 0)
        killed = self.db.command("killCursors", "numbers", cursors=[identifier, Int64(12345)])
        self.assertEqual(killed["cursorsKilled"], [identifier])
        self.assertEqual(killed["cursorsNotFound"], [12345])
        self.assertEqual(self.code_of(self.db.command, "getMore", Int64(identifier), collection="numbers"), 43)

    def test_sort_with_limit_and_a_large_sort(self):
        found = self.db.numbers.find().sort([("parity", -1), ("_id", -1)]).limit(5)
        self.assertEqual([d["_id"] for d in found], [999, 997, 995, 993, 991])
        everything = [d["_id"] for d in self.db.numbers.find(batch_size=50).sort("_id", pymongo.DESCENDING)]
        self.assertEqual(everything, list(range(999, -1, -1)))
