"""What the pymongo tests share: one client, a fresh database for each test, the sample files."""

import json
import os
import pathlib
import re
import unittest

import pymongo


def sample(name):
    """A file of the sample data, parsed."""
    return json.loads((pathlib.Path(os.environ["SMONGO_SAMPLE_DATA"]) / name).read_text(encoding="utf-8"))


class ServerTest(unittest.TestCase):
    """A test with `self.db`, an empty database that goes away afterwards."""

    @classmethod
    def setUpClass(cls):
        cls.client = pymongo.MongoClient(os.environ["SMONGO_URI"])
        cls.addClassCleanup(cls.client.close)

    def setUp(self):
        name = re.sub(r"\W", "_", f"py_{type(self).__name__}_{self._testMethodName}")[:60]
        self.client.drop_database(name)
        self.db = self.client[name]
        self.addCleanup(self.client.drop_database, name)

    def code_of(self, operation, *arguments, **options):
        """The code of the server's error that the operation must end in."""
        with self.assertRaises(pymongo.errors.OperationFailure) as caught:
            operation(*arguments, **options)
        return caught.exception.code

    def ids(self, collection, query):
        return [document["_id"] for document in collection.find(query).sort("_id")]
