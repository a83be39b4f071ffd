"""kill -9 while clients write, make indexes and watch: documents, indexes and the log agree, and a stream that goes on
misses nothing and repeats nothing."""

import pathlib
import random
import tempfile
import threading
import time
import unittest

import pymongo

from smongod import Server

ROUNDS = 12
WRITE_TIME_S = (0.2, 0.8)


class Worker(threading.Thread):
    """Does something again and again until the server goes away."""

    def __init__(self, uri, step):
        super().__init__()
        self.uri, self.step = uri, step
        self.end = None

    def run(self):
        client = pymongo.MongoClient(self.uri, retryWrites=False, socketTimeoutMS=20_000, serverSelectionTimeoutMS=500)
        number = 0
        try:
            while True:
                self.step(client, number)
                number += 1
        except pymongo.errors.PyMongoError as error:
            self.end = error
        finally:
            client.close()


class Watcher:
    """Remembers every event, and where to go on."""

    def __init__(self):
        self.events = []
        self.token = None

    def __call__(self, client, _):
        with client.test.watch(max_await_time_ms=100, batch_size=7, resume_after=self.token) as stream:
            while True:
                event = stream.try_next()
                if event is not None:
                    self.events.append(event)
                self.token = stream.resume_token


class LogKill(unittest.TestCase):
    def test_documents_indexes_log_and_streams_agree(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", flush=True)
        chance = random.Random(seed)
        watcher = Watcher()
        with tempfile.TemporaryDirectory() as folder:
            server = Server(pathlib.Path(folder))
            server.start()
            self.addCleanup(server.__exit__)
            with pymongo.MongoClient(server.uri) as client:
                client.test.create_collection("items")
                # Nothing has been written yet; the stream begins here.
                with client.test.watch() as stream:
                    stream.try_next()
                    watcher.token = stream.resume_token
            for round_number in range(ROUNDS):
                workers = [
                    Worker(server.uri, self.writes(round_number, chance.random())),
                    Worker(server.uri, self.transactions(round_number)),
                    Worker(server.uri, self.indexes),
                    Worker(server.uri, watcher),
                ]
                for worker in workers:
                    worker.start()
                time.sleep(chance.uniform(*WRITE_TIME_S))
                server.kill()
                for worker in workers:
                    worker.join()
                    self.assertIsInstance(worker.end, pymongo.errors.ConnectionFailure)
                server.start()
                with pymongo.MongoClient(server.uri) as client:
                    self.check(client)
            with pymongo.MongoClient(server.uri) as client:
                self.check_events(client, watcher)
            self.assertEqual(server.stop(), 0)

    def writes(self, round_number, share):
        chance = random.Random(share)

        def step(client, number):
            items = client.test.items
            key = f"{round_number}-{number}"
            items.insert_one({"_id": key, "n": number, "tags": [number % 3, number % 5]})
            if number % 2:
                items.update_one({"_id": key}, {"$set": {"n": chance.randrange(1000)}, "$push": {"tags": "x"}})
            if number % 5 == 0:
                items.delete_one({"_id": key})

        return step

    def transactions(self, round_number):
        def step(client, number):
            items = client.test.items
            try:
                with client.start_session() as session, session.start_transaction():
                    items.insert_one({"_id": f"t{round_number}-{number}", "n": number}, session=session)
                    items.update_one({"_id": "total"}, {"$inc": {"n": 1}}, upsert=True, session=session)
            except pymongo.errors.OperationFailure as error:
                # An index that is newer than the transaction: it can be begun again.
                if not error.has_error_label("TransientTransactionError"):
                    raise

        return step

    def indexes(self, client, number):
        items = client.test.items
        items.create_index([("n", 1), ("tags", 1)])
        items.create_index("tags")
        if number % 2:
            items.drop_index("tags_1")

    def check(self, client):
        """The log, carried out from its beginning, gives the documents; every index has what it should."""
        documents = {document["_id"]: document for document in client.test.items.find()}
        self.assertEqual(self.carried_out(client), documents)
        validation = client.test.command("validate", "items", full=True)
        self.assertTrue(validation["valid"], validation)
        logged = {"_id_"}
        for entry in client.local["oplog.rs"].find({"op": "c", "ns": "test.$cmd"}):
            command = entry["o"]
            if "createIndexes" in command:
                logged.add(command["name"])
            if "dropIndexes" in command:
                logged.discard(command["index"])
        self.assertEqual({index["name"] for index in client.test.items.list_indexes()}, logged)
        created = {t for t in documents if str(t).startswith("t") and t != "total"}
        self.assertEqual(documents.get("total", {"n": 0})["n"], len(created), "transactions are whole")

    def carried_out(self, client):
        documents = {}
        for entry in client.local["oplog.rs"].find({"op": {"$in": ["i", "u", "d", "c"]}}):
            operations = entry["o"].get("applyOps", []) if entry["op"] == "c" else [entry]
            for operation in operations:
                if operation["ns"] == "test.items":
                    self.carry_out(operation, documents)
        return documents

    def carry_out(self, operation, documents):
        o = operation["o"]
        if operation["op"] == "i":
            documents[o["_id"]] = o
        elif operation["op"] == "d":
            del documents[o["_id"]]
        else:
            self.assertEqual(o.get("$v"), 2, operation)
            self.change(documents[operation["o2"]["_id"]], o["diff"])

    def change(self, value, diff):
        """Applies a difference in the log's form."""
        if isinstance(value, list):
            if "l" in diff:
                del value[diff["l"] :]
            for name, change in diff.items():
                if name[0] == "u":
                    at = int(name[1:])
                    value[at : at + 1] = [change]
                elif name[0] == "s":
                    self.change(value[int(name[1:])], change)
            return
        for name in diff.get("d", {}):
            del value[name]
        value.update(diff.get("u", {}))
        value.update(diff.get("i", {}))
        for name, change in diff.items():
            if name[0] == "s":
                self.change(value[name[1:]], change)

    def check_events(self, client, watcher):
        """The events of all the streams together are those of one stream that was never interrupted."""
        with client.test.watch(max_await_time_ms=100, resume_after=watcher.token) as stream:
            while (event := stream.try_next()) is not None:
                watcher.events.append(event)
        tokens = [event["_id"]["_data"] for event in watcher.events]
        self.assertEqual(tokens, sorted(set(tokens)))
        expected = []
        for entry in client.local["oplog.rs"].find({"op": {"$in": ["i", "u", "d", "c"]}}):
            operations = entry["o"].get("applyOps", []) if entry["op"] == "c" else [entry]
            for operation in operations:
                if operation["ns"] == "test.items":
                    key = operation.get("o2", operation["o"])["_id"]
                    expected.append((entry["ts"], operation["op"], key))
        kinds = {"insert": "i", "update": "u", "replace": "u", "delete": "d"}
        told = [(e["clusterTime"], kinds[e["operationType"]], e["documentKey"]["_id"]) for e in watcher.events]
        self.assertGreater(len(told), ROUNDS * 10)
        self.assertEqual(told, expected)
        print(f"{len(told)} events", flush=True)
