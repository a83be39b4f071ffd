"""Change streams, as pymongo's documentation and MongoDB's manual show them."""

import threading
import time

import pymongo

from .support import ServerTest


class ChangeStreamTest(ServerTest):
    def drain(self, stream, count, timeout_s=10):
        """The next events of a stream."""
        events, deadline = [], time.monotonic() + timeout_s
        while len(events) < count and time.monotonic() < deadline:
            event = stream.try_next()
            if event is not None:
                events.append(event)
        self.assertEqual(len(events), count)
        return events

    def test_watch_a_collection(self):
        items = self.db.items
        with items.watch() as stream:
            items.insert_one({"_id": 1, "a": 1})
            items.update_one({"_id": 1}, {"$set": {"a": 2}})
            items.replace_one({"_id": 1}, {"b": 1})
            items.delete_one({"_id": 1})
            events = self.drain(stream, 4)
        self.assertEqual([e["operationType"] for e in events], ["insert", "update", "replace", "delete"])
        self.assertEqual(events[0]["fullDocument"], {"_id": 1, "a": 1})
        self.assertEqual(events[1]["updateDescription"]["updatedFields"], {"a": 2})
        self.assertEqual(events[0]["ns"], {"db": self.db.name, "coll": "items"})

    def test_watch_with_a_pipeline(self):
        items = self.db.items
        pipeline = [{"$match": {"operationType": "insert", "fullDocument.n": {"$gte": 5}}}, {"$set": {"seen": True}}]
        with items.watch(pipeline) as stream:
            items.insert_many([{"_id": n, "n": n} for n in range(8)])
            events = self.drain(stream, 3)
        self.assertEqual([e["documentKey"]["_id"] for e in events], [5, 6, 7])
        self.assertTrue(all(e["seen"] for e in events))

    def test_watch_a_database_and_everything(self):
        with self.db.watch() as one, self.client.watch() as all_of_them:
            self.db.a.insert_one({"_id": 1})
            self.db.b.insert_one({"_id": 2})
            for stream in (one, all_of_them):
                self.assertEqual([e["ns"]["coll"] for e in self.drain(stream, 2)], ["a", "b"])

    def test_resume(self):
        items = self.db.items
        with items.watch() as stream:
            items.insert_many([{"_id": n} for n in range(5)])
            self.drain(stream, 2)
            token = stream.resume_token
        for option in ("resume_after", "start_after"):
            with items.watch(**{option: token}) as stream:
                self.assertEqual([e["documentKey"]["_id"] for e in self.drain(stream, 3)], [2, 3, 4])

    def test_start_at_operation_time(self):
        items = self.db.items
        items.insert_one({"_id": 0})
        with self.client.start_session() as session:
            items.insert_one({"_id": 1}, session=session)
            begin = session.operation_time
        items.insert_one({"_id": 2})
        with items.watch(start_at_operation_time=begin) as stream:
            self.assertEqual([e["documentKey"]["_id"] for e in self.drain(stream, 2)], [1, 2])

    def test_images(self):
        items = self.db.create_collection("items", changeStreamPreAndPostImages={"enabled": True})
        items.insert_one({"_id": 1, "a": 1})
        with items.watch(full_document="required", full_document_before_change="required") as stream:
            items.update_one({"_id": 1}, {"$set": {"a": 2}})
            items.update_one({"_id": 1}, {"$set": {"a": 3}})
            events = self.drain(stream, 2)
        self.assertEqual([e["fullDocumentBeforeChange"]["a"] for e in events], [1, 2])
        self.assertEqual([e["fullDocument"]["a"] for e in events], [2, 3])

    def test_events_of_a_transaction_come_together(self):
        items = self.db.create_collection("items")
        with items.watch() as stream, self.client.start_session() as session:
            with session.start_transaction():
                items.insert_one({"_id": 1}, session=session)
                items.insert_one({"_id": 2}, session=session)
                self.assertIsNone(stream.try_next())
            events = self.drain(stream, 2)
            self.assertEqual(events[0]["lsid"]["id"], session.session_id["id"])
        self.assertEqual(events[0]["clusterTime"], events[1]["clusterTime"])

    def test_an_end(self):
        items = self.db.create_collection("items")
        with items.watch() as stream:
            items.drop()
            events = self.drain(stream, 2)
            self.assertEqual([e["operationType"] for e in events], ["drop", "invalidate"])
            self.assertFalse(stream.alive)
            token = events[1]["_id"]
        with items.watch(start_after=token) as stream:
            items.insert_one({"_id": 1})
            self.assertEqual(self.drain(stream, 1)[0]["operationType"], "insert")

    def test_a_waiting_stream_wakes(self):
        items = self.db.create_collection("items")
        with items.watch(max_await_time_ms=10_000) as stream:
            stream.try_next()
            timer = threading.Timer(0.2, items.insert_one, [{"_id": 1}])
            timer.start()
            begin = time.monotonic()
            self.assertEqual(next(stream)["documentKey"], {"_id": 1})
            self.assertLess(time.monotonic() - begin, 2)
            timer.join()

    def test_what_is_refused(self):
        items = self.db.items
        self.assertEqual(self.code_of(items.watch, [{"$group": {"_id": 1}}]), 20)
        self.assertEqual(self.code_of(items.watch, resume_after={"_data": "zz"}), 9)
        with items.watch([{"$unset": "_id"}]) as stream:
            items.insert_one({"_id": 1})
            with self.assertRaises(pymongo.errors.OperationFailure) as caught:
                self.drain(stream, 1)
            self.assertEqual(caught.exception.code, 280)

    def test_tailing_the_log(self):
        self.db.items.insert_one({"_id": 1})
        log = self.client.local["oplog.rs"]
        newest = log.find().sort("$natural", -1).limit(1).next()["ts"]
        cursor = log.find(
            {"ts": {"$gt": newest}, "ns": f"{self.db.name}.items"}, cursor_type=pymongo.CursorType.TAILABLE_AWAIT
        )
        self.db.items.insert_one({"_id": 2})
        self.assertEqual(cursor.next()["o"], {"_id": 2})
        self.assertTrue(cursor.alive)
        cursor.close()
