"""Updates, upserts, findAndModify and bulk writes, with the errors that writes end in."""

import datetime

import pymongo
from bson import Int64
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, ReturnDocument, UpdateMany, UpdateOne

from .support import ServerTest


class Updates(ServerTest):
    def updated(self, before, update, query=None, **options):
        """The document that the update makes of `before`."""
        self.db.documents.delete_many({})
        self.db.documents.insert_one({"_id": 1, **before})
        result = self.db.documents.update_one({"_id": 1, **(query or {})}, update, **options)
        self.assertEqual(result.matched_count, 1)
        after = self.db.documents.find_one()
        del after["_id"]
        return after

    def test_operators(self):
        rows = [
            ({"a": 1}, {"$set": {"b.c": 2}}, {"a": 1, "b": {"c": 2}}),
            ({"a": 1, "b": 2}, {"$unset": {"b": ""}}, {"a": 1}),
            ({"a": 1}, {"$inc": {"a": 2, "n": 1}}, {"a": 3, "n": 1}),
            ({"a": 3}, {"$mul": {"a": 2.5}}, {"a": 7.5}),
            ({"a": 3, "b": 3}, {"$min": {"a": 1}, "$max": {"b": 1}}, {"a": 1, "b": 3}),
            ({"a": {"b": 1}}, {"$rename": {"a.b": "c"}}, {"a": {}, "c": 1}),
            ({"a": 13}, {"$bit": {"a": {"and": 10}}}, {"a": 8}),
            ({"a": [1]}, {"$push": {"a": 2}}, {"a": [1, 2]}),
            ({"a": [5, 1]}, {"$push": {"a": {"$each": [4, 2], "$sort": 1, "$slice": 3}}}, {"a": [1, 2, 4]}),
            ({"a": [1]}, {"$push": {"a": {"$each": [2, 3], "$position": 0}}}, {"a": [2, 3, 1]}),
            ({"a": [1, 2]}, {"$addToSet": {"a": {"$each": [2, 3]}}}, {"a": [1, 2, 3]}),
            ({"a": [1, 2, 3]}, {"$pop": {"a": -1}}, {"a": [2, 3]}),
            ({"a": [1, 5, 2, 5]}, {"$pull": {"a": {"$gte": 5}}}, {"a": [1, 2]}),
            ({"a": [{"x": 1, "y": 1}, {"x": 2}]}, {"$pull": {"a": {"x": 1}}}, {"a": [{"x": 2}]}),
            ({"a": [1, 2, 1, 3]}, {"$pullAll": {"a": [1, 3]}}, {"a": [2]}),
            ({"a": [1, 2]}, {"$set": {"a.3": 9}}, {"a": [1, 2, None, 9]}),
        ]
        for before, update, expected in rows:
            with self.subTest(update=update):
                self.assertEqual(self.updated(before, update), expected)

    def test_positional_forms(self):
        grades = {"grades": [{"g": 80, "mean": 75}, {"g": 85, "mean": 90}, {"g": 90, "mean": 85}]}
        first = self.updated(grades, {"$set": {"grades.$.std": 6}}, {"grades.g": {"$gte": 85}})
        self.assertEqual([g.get("std") for g in first["grades"]], [None, 6, None])
        every = self.updated(grades, {"$inc": {"grades.$[].g": 1}})
        self.assertEqual([g["g"] for g in every["grades"]], [81, 86, 91])
        chosen = self.updated(
            grades, {"$set": {"grades.$[e].mean": 100}}, array_filters=[{"e.g": {"$gte": 85}, "e.mean": {"$lt": 90}}]
        )
        self.assertEqual([g["mean"] for g in chosen["grades"]], [75, 90, 100])

    def test_a_pipeline(self):
        after = self.updated({"a": 2, "b": 3, "old": 1}, [{"$set": {"sum": {"$add": ["$a", "$b"]}}}, {"$unset": "old"}])
        self.assertEqual(after, {"a": 2, "b": 3, "sum": 5})

    def test_current_date_is_the_server_s_clock(self):
        after = self.updated({}, {"$currentDate": {"at": True}})
        age = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - after["at"]
        self.assertLess(abs(age.total_seconds()), 60)

    def test_matched_and_modified_are_counted_apart(self):
        self.db.documents.insert_many([{"_id": n, "v": n % 2} for n in range(10)])
        result = self.db.documents.update_many({}, {"$set": {"v": 1}})
        self.assertEqual((result.matched_count, result.modified_count), (10, 5))

    def test_replace_keeps_the_id(self):
        self.db.documents.insert_one({"_id": 7, "a": 1})
        self.db.documents.replace_one({"a": 1}, {"b": 2})
        self.assertEqual(self.db.documents.find_one(), {"_id": 7, "b": 2})

    def test_upserts(self):
        documents = self.db.documents
        result = documents.update_one(
            {"_id": 4, "kind": "new", "n": {"$gt": 1}},
            {"$inc": {"hits": 1}, "$setOnInsert": {"born": True}},
            upsert=True,
        )
        self.assertEqual(result.upserted_id, 4)
        self.assertEqual(documents.find_one(), {"_id": 4, "kind": "new", "hits": 1, "born": True})
        again = documents.update_one({"_id": 4}, {"$inc": {"hits": 1}, "$setOnInsert": {"born": False}}, upsert=True)
        self.assertIsNone(again.upserted_id)
        self.assertEqual(documents.find_one(), {"_id": 4, "kind": "new", "hits": 2, "born": True})
        generated = documents.replace_one({"no": "such"}, {"x": 1}, upsert=True).upserted_id
        self.assertEqual(documents.find_one({"_id": generated}), {"_id": generated, "x": 1})

    def test_refused_updates(self):
        self.db.documents.insert_one({"_id": 1, "text": "abc", "list": [1]})
        rows = [
            ({"$inc": {"text": 1}}, 14),
            ({"$set": {"_id": 2}}, 66),
            ({"$set": {"a": 1}, "$unset": {"a": ""}}, 40),
            ({"$set": {"text.x": 1}}, 28),
            ({"$push": {"text": 1}}, 2),
            ({"$nope": {"a": 1}}, 9),
            ({"$set": {"list.$": 1}}, 2),
        ]
        for update, code in rows:
            with self.subTest(update=update):
                self.assertEqual(self.code_of(self.db.documents.update_one, {"_id": 1}, update), code)
        self.assertEqual(self.db.documents.find_one(), {"_id": 1, "text": "abc", "list": [1]})


class FindAndModify(ServerTest):
    def setUp(self):
        super().setUp()
        self.jobs = self.db.jobs
        self.jobs.insert_many([{"_id": n, "state": "new", "priority": n % 3} for n in range(6)])

    def test_update_gives_the_old_or_the_new_document(self):
        old = self.jobs.find_one_and_update(
            {"state": "new"}, {"$set": {"state": "run"}}, sort=[("priority", -1), ("_id", 1)]
        )
        self.assertEqual(old, {"_id": 2, "state": "new", "priority": 2})
        new = self.jobs.find_one_and_update(
            {"state": "new"},
            {"$set": {"state": "run"}},
            sort=[("priority", -1), ("_id", 1)],
            return_document=ReturnDocument.AFTER,
            projection={"state": 1},
        )
        self.assertEqual(new, {"_id": 5, "state": "run"})

    def test_replace_delete_and_nothing_found(self):
        self.assertEqual(
            self.jobs.find_one_and_replace({"_id": 1}, {"x": 1}, return_document=ReturnDocument.AFTER),
            {"_id": 1, "x": 1},
        )
        self.assertEqual(self.jobs.find_one_and_delete({"_id": 0})["_id"], 0)
        self.assertIsNone(self.jobs.find_one_and_delete({"_id": 0}))
        self.assertEqual(self.jobs.count_documents({}), 5)

    def test_upsert(self):
        new = self.jobs.find_one_and_update(
            {"_id": "late"}, {"$set": {"state": "new"}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        self.assertEqual(new, {"_id": "late", "state": "new"})

    def test_each_job_is_given_to_one_worker(self):
        import threading

        taken, lock = [], threading.Lock()

        def work():
            while (job := self.jobs.find_one_and_update({"state": "new"}, {"$set": {"state": "run"}})) is not None:
                with lock:
                    taken.append(job["_id"])

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(sorted(taken), list(range(6)))


class Bulk(ServerTest):
    def test_mixed_operations(self):
        result = self.db.documents.bulk_write(
            [
                InsertOne({"_id": 1, "v": 1}),
                InsertOne({"_id": 2, "v": 2}),
                UpdateOne({"_id": 1}, {"$inc": {"v": 10}}),
                UpdateMany({"v": {"$gt": 1}}, {"$set": {"big": True}}),
                ReplaceOne({"_id": 3}, {"v": 3}, upsert=True),
                DeleteOne({"_id": 2}),
                DeleteMany({"no": "such"}),
            ]
        )
        counts = (
            result.inserted_count,
            result.matched_count,
            result.modified_count,
            result.upserted_count,
            result.deleted_count,
        )
        self.assertEqual(counts, (2, 3, 3, 1, 1))
        self.assertEqual(
            list(self.db.documents.find().sort("_id")), [{"_id": 1, "v": 11, "big": True}, {"_id": 3, "v": 3}]
        )

    def test_a_duplicate_key_names_index_and_value(self):
        self.db.documents.insert_one({"_id": "a"})
        with self.assertRaises(pymongo.errors.DuplicateKeyError) as caught:
            self.db.documents.insert_one({"_id": "a"})
        self.assertEqual(caught.exception.code, 11000)
        self.assertEqual(caught.exception.details["keyPattern"], {"_id": 1})
        self.assertEqual(caught.exception.details["keyValue"], {"_id": "a"})
        self.assertIn(
            "E11000 duplicate key error collection: " + self.db.documents.full_name, caught.exception.details["errmsg"]
        )

    def test_ordered_stops_and_unordered_goes_on(self):
        documents = [{"_id": 1}, {"_id": 1}, {"_id": 2}, {"_id": 2}, {"_id": 3}]
        for ordered, inserted, failed in ((True, 1, [1]), (False, 3, [1, 3])):
            with self.subTest(ordered=ordered):
                self.db.documents.drop()
                with self.assertRaises(pymongo.errors.BulkWriteError) as caught:
                    self.db.documents.insert_many(documents, ordered=ordered)
                self.assertEqual(caught.exception.details["nInserted"], inserted)
                self.assertEqual([error["index"] for error in caught.exception.details["writeErrors"]], failed)
                self.assertEqual({error["code"] for error in caught.exception.details["writeErrors"]}, {11000})
                self.assertEqual(self.db.documents.count_documents({}), inserted)

    def test_numbers_that_are_equal_are_one_key(self):
        self.db.documents.insert_one({"_id": 1})
        for same in (Int64(1), 1.0):
            with self.assertRaises(pymongo.errors.DuplicateKeyError):
                self.db.documents.insert_one({"_id": same})

    def test_more_documents_than_one_message_holds(self):
        documents = [{"_id": n, "text": "y" * 1000} for n in range(60_000)]
        self.assertEqual(len(self.db.documents.insert_many(documents).inserted_ids), 60_000)
        self.assertEqual(self.db.documents.count_documents({}), 60_000)

    def test_a_document_beyond_16_mebibytes_is_refused(self):
        with self.assertRaises((pymongo.errors.DocumentTooLarge, pymongo.errors.WriteError)):
            self.db.documents.insert_one({"text": "z" * (16 * 1024 * 1024)})
        self.assertEqual(self.db.documents.count_documents({}), 0)


class Refused(ServerTest):
    def test_codes_of_malformed_requests(self):
        self.db.documents.insert_one({"a": 1})
        rows = [
            ({"a": {"$nope": 1}}, 2),
            ({"$nope": 1}, 2),
            ({"a": {"$in": 1}}, 2),
            ({"$or": []}, 2),
            ({"a": {"$mod": [0, 1]}}, 2),
            ({"a": {"$regex": "("}}, 51091),
            ({"$expr": {"$nope": 1}}, 168),
        ]
        for query, code in rows:
            with self.subTest(query=query):
                self.assertEqual(self.code_of(list, self.db.documents.find(query)), code)

    def test_a_projection_that_mixes_is_31254_or_31253(self):
        self.db.documents.insert_one({"a": 1})
        self.assertEqual(self.code_of(list, self.db.documents.find({}, {"a": 1, "b": 0})), 31254)
        self.assertEqual(self.code_of(list, self.db.documents.find({}, {"a": 0, "b": 1})), 31253)
