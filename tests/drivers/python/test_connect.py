"""What a client asks when it connects, and what an unknown command answers."""

import threading

import pymongo

from .support import ServerTest


class Connect(ServerTest):
    def test_ping(self):
        self.assertEqual(self.client.admin.command("ping")["ok"], 1.0)

    def test_hello_names_the_wire_version_of_8_2_and_the_limits(self):
        hello = self.client.admin.command("hello")
        self.assertTrue(hello["isWritablePrimary"])
        self.assertEqual(hello["maxWireVersion"], 27)
        self.assertEqual(hello["maxBsonObjectSize"], 16 * 1024 * 1024)
        self.assertEqual(hello["maxMessageSizeBytes"], 48_000_000)
        self.assertEqual(hello["maxWriteBatchSize"], 100_000)

    def test_build_info_has_a_version_array(self):
        info = self.client.server_info()
        self.assertEqual([str(part) for part in info["versionArray"][:3]], info["version"].split(".")[:3])

    def test_unknown_command_is_59(self):
        self.assertEqual(self.code_of(self.db.command, "noSuchCommandAtAll"), 59)

    def test_databases_and_collections_are_listed(self):
        self.db.planets.insert_one({"name": "Mars"})
        self.assertIn(self.db.name, self.client.list_database_names())
        self.assertEqual(self.db.list_collection_names(), ["planets"])
        self.db.drop_collection("planets")
        self.assertEqual(self.db.list_collection_names(), [])

    def test_create_is_idempotent_and_its_options_are_checked(self):
        self.db.create_collection("moons")
        self.assertEqual(self.db.command("create", "moons")["ok"], 1.0)
        self.assertEqual(self.code_of(self.db.command, "create", "rings", nonsense=1), 40415)

    def test_rename(self):
        self.db.planets.insert_one({"_id": 1})
        self.db.taken.insert_one({"_id": 2})
        self.assertEqual(self.code_of(self.db.planets.rename, "taken"), 48)
        self.db.planets.rename("worlds")
        self.assertEqual(sorted(self.db.list_collection_names()), ["taken", "worlds"])
        self.assertEqual(self.db.worlds.find_one(), {"_id": 1})

    def test_every_collection_has_its_id_index(self):
        self.db.planets.insert_one({})
        self.assertEqual(self.db.planets.index_information(), {"_id_": {"v": 2, "key": [("_id", 1)]}})

    def test_every_compressor(self):
        offered = ["snappy", "zstd", "zlib"]
        self.assertEqual(self.client.admin.command("hello", compression=offered)["compression"], offered)
        for compressor in offered:
            with pymongo.MongoClient(*self.client.address, directConnection=True, compressors=compressor) as client:
                collection = client[self.db.name][compressor]
                collection.insert_many([{"_id": n, "text": "abc" * 1000} for n in range(50)])
                self.assertEqual(sum(len(document["text"]) for document in collection.find()), 150_000)

    def test_threads_share_a_client(self):
        def insert(thread):
            for n in range(50):
                self.db.shared.insert_one({"_id": f"{thread}-{n}", "thread": thread})

        threads = [threading.Thread(target=insert, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.db.shared.count_documents({}), 400)
        self.assertEqual(self.db.shared.count_documents({"thread": 3}), 50)

    def test_an_explicit_session(self):
        with self.client.start_session() as session:
            self.db.planets.insert_one({"_id": 1}, session=session)
            self.assertEqual(self.db.planets.find_one({}, session=session), {"_id": 1})
