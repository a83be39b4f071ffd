"""kill -9 while clients write, again and again: the store opens, and every acknowledged write is there."""

import pathlib
import random
import tempfile
import threading
import time
import unittest

import pymongo

from smongod import Server

ROUNDS = 50
WRITERS = {"default": {}, "journaled": {"j": True}}
WRITE_TIME_S = (0.05, 0.5)


class Writer(threading.Thread):
    """Writes until the server goes away, and remembers what was acknowledged."""

    def __init__(self, uri, name, concern, round_number):
        super().__init__()
        self.uri, self.collection, self.concern, self.round = uri, name, concern, round_number
        self.acknowledged = {}  # _id -> state; None once it is deleted
        self.pending = None  # what was under way in the end: (_id, state)
        self.increments = 0

    def run(self):
        client = pymongo.MongoClient(self.uri, retryWrites=False, socketTimeoutMS=10_000)
        documents = client.test.get_collection(self.collection, write_concern=pymongo.WriteConcern(**self.concern))
        number = 0
        try:
            while True:
                key = f"{self.round}-{number}"
                self.write(
                    key, "new", lambda: documents.insert_one({"_id": key, "state": "new", "pad": "p" * (number % 500)})
                )
                if number % 3 == 0:
                    self.write(
                        key, "changed", lambda: documents.update_one({"_id": key}, {"$set": {"state": "changed"}})
                    )
                if number % 5 == 0:
                    self.write(key, None, lambda: documents.delete_one({"_id": key}))
                documents.update_one({"_id": "counter"}, {"$inc": {"n": 1}}, upsert=True)
                self.increments += 1
                number += 1
        except pymongo.errors.PyMongoError as error:
            self.end = error  # the server is gone
        finally:
            client.close()

    def write(self, key, state, operation):
        self.pending = (key, state)
        operation()
        self.acknowledged[key] = state
        self.pending = None


class Kill(unittest.TestCase):
    def test_fifty_kills_lose_no_acknowledged_write(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", flush=True)
        chance = random.Random(seed)
        documents = {name: {} for name in WRITERS}
        counters = dict.fromkeys(WRITERS, 0)
        with tempfile.TemporaryDirectory() as folder:
            server = Server(pathlib.Path(folder))
            server.start()
            self.addCleanup(server.__exit__)
            for round_number in range(ROUNDS):
                writers = [Writer(server.uri, name, concern, round_number) for name, concern in WRITERS.items()]
                for writer in writers:
                    writer.start()
                time.sleep(chance.uniform(*WRITE_TIME_S))
                server.kill()
                for writer in writers:
                    writer.join()
                    self.assertIsInstance(writer.end, pymongo.errors.ConnectionFailure)
                server.start()
                with pymongo.MongoClient(server.uri) as client:
                    for writer in writers:
                        name, collection = writer.collection, client.test[writer.collection]
                        documents[name] |= self.check_documents(collection, writer)
                        counters[name] = self.check_counter(collection, writer, counters[name])
            with pymongo.MongoClient(server.uri) as client:
                for name, expected in documents.items():
                    self.assertGreater(len(expected), ROUNDS, "the writers wrote")
                    self.assertEqual(self.states(client.test[name], {}), expected, f"{name} in the end")
                    print(f"{name}: {len(expected)} documents, {counters[name]} increments", flush=True)
            self.assertEqual(server.stop(), 0)

    def states(self, collection, query):
        return {d["_id"]: d["state"] for d in collection.find(query) if d["_id"] != "counter"}

    def check_documents(self, collection, writer):
        """Compares one round's documents with what was acknowledged; gives what is there."""
        found = self.states(collection, {"_id": {"$gte": f"{writer.round}-", "$lt": f"{writer.round}."}})
        expected = {key: state for key, state in writer.acknowledged.items() if state is not None}
        if writer.pending is not None:
            # This write may have been carried out without its acknowledgement getting through.
            key, state = writer.pending
            if found.get(key) == state:
                expected.pop(key, None)
                expected |= {key: state} if state is not None else {}
        self.assertEqual(found, expected, f"{writer.collection}, round {writer.round}")
        return found

    def check_counter(self, collection, writer, before):
        counter = (collection.find_one({"_id": "counter"}) or {"n": 0})["n"]
        least = before + writer.increments
        self.assertIn(counter, (least, least + 1), f"{writer.collection}, round {writer.round}")
        return counter
