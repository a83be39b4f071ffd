"""Aggregation and indexes over real data; each expectation is computed here, from the file."""

import collections

import pymongo

from .support import ServerTest, sample


class Movies(ServerTest):
    def setUp(self):
        super().setUp()
        self.rows = sample("movies.json")
        self.db.movies.insert_many([{"_id": n, **row} for n, row in enumerate(self.rows)])

    def test_group_by_genre(self):
        votes = collections.defaultdict(list)
        for movie in self.rows:
            votes[movie["Major Genre"]].append(movie["IMDB Votes"] or 0)
        pipeline = [
            {"$group": {"_id": "$Major Genre", "films": {"$sum": 1}, "votes": {"$sum": "$IMDB Votes"}}},
            {"$sort": {"films": -1, "_id": 1}},
        ]
        expected = [{"_id": genre, "films": len(them), "votes": sum(them)} for genre, them in votes.items()]
        expected.sort(key=lambda row: (-row["films"], row["_id"] or ""))
        self.assertEqual(list(self.db.movies.aggregate(pipeline, batchSize=5)), expected)

    def test_the_best_film_of_every_distributor(self):
        pipeline = [
            {"$match": {"IMDB Rating": {"$ne": None}, "Distributor": {"$ne": None}}},
            {"$sort": {"IMDB Rating": -1, "_id": 1}},
            {"$group": {"_id": "$Distributor", "best": {"$first": "$Title"}}},
        ]
        best = {}
        rated = [m for m in self.rows if m["IMDB Rating"] is not None and m["Distributor"] is not None]
        for movie in sorted(rated, key=lambda m: -m["IMDB Rating"]):
            best.setdefault(movie["Distributor"], movie["Title"])
        self.assertEqual({row["_id"]: row["best"] for row in self.db.movies.aggregate(pipeline)}, best)

    def test_an_index_finds_what_a_scan_finds_and_reads_less(self):
        query = {"Major Genre": "Western", "IMDB Rating": {"$gte": 7}}
        scanned = self.ids(self.db.movies, query)
        self.db.movies.create_index([("Major Genre", 1), ("IMDB Rating", -1)])
        self.assertEqual(self.ids(self.db.movies, query), scanned)
        stats = self.db.movies.find(query).explain()["executionStats"]
        self.assertEqual((stats["nReturned"], stats["totalDocsExamined"]), (len(scanned), len(scanned)))

    def test_a_unique_index_refuses_what_is_there_twice(self):
        with self.assertRaises(pymongo.errors.DuplicateKeyError):
            self.db.movies.create_index("Major Genre", unique=True)
        self.db.movies.create_index([("Title", 1), ("_id", 1)], unique=True)
        self.assertEqual(len(self.db.movies.index_information()), 2)
