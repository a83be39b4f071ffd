"""Queries over real data; each expectation is computed here, from the file."""

import re

from .support import ServerTest, sample


class Movies(ServerTest):
    def setUp(self):
        super().setUp()
        self.rows = sample("movies.json")
        self.movies = self.db.movies
        self.movies.insert_many([{"_id": n, **row} for n, row in enumerate(self.rows)])

    def where(self, test):
        return [n for n, row in enumerate(self.rows) if test(row)]

    def test_filters(self):
        number = lambda value: isinstance(value, (int, float))
        rows = [
            ({"Major Genre": "Drama"}, lambda m: m["Major Genre"] == "Drama"),
            ({"IMDB Rating": {"$gte": 8.5}}, lambda m: number(m["IMDB Rating"]) and m["IMDB Rating"] >= 8.5),
            ({"Director": None}, lambda m: m["Director"] is None),
            ({"Title": {"$type": "number"}}, lambda m: number(m["Title"])),
            (
                {"Title": re.compile("^The .*s$")},
                lambda m: isinstance(m["Title"], str) and re.match("^The .*s$", m["Title"]),
            ),
            ({"MPAA Rating": {"$in": ["G", "NC-17"]}}, lambda m: m["MPAA Rating"] in ("G", "NC-17")),
            (
                {"Running Time min": {"$mod": [60, 0]}},
                lambda m: number(m["Running Time min"]) and m["Running Time min"] % 60 == 0,
            ),
            (
                {"$expr": {"$gt": ["$US Gross", "$Production Budget"]}, "Production Budget": {"$type": "number"}},
                lambda m: number(m["Production Budget"])
                and number(m["US Gross"])
                and m["US Gross"] > m["Production Budget"],
            ),
            (
                {"$or": [{"Distributor": "Gramercy", "US Gross": {"$lt": 10**6}}, {"IMDB Votes": {"$gt": 400_000}}]},
                lambda m: (m["Distributor"] == "Gramercy" and number(m["US Gross"]) and m["US Gross"] < 10**6)
                or (number(m["IMDB Votes"]) and m["IMDB Votes"] > 400_000),
            ),
        ]
        for query, test in rows:
            with self.subTest(query=query):
                expected = self.where(test)
                self.assertTrue(expected, "the data has such rows")
                self.assertEqual(self.ids(self.movies, query), expected)
                self.assertEqual(self.movies.count_documents(query), len(expected))

    def test_the_best_of_a_genre(self):
        rated = [m for m in self.rows if m["Major Genre"] == "Comedy" and m["IMDB Rating"] is not None]
        best = sorted(rated, key=lambda m: (-m["IMDB Rating"], -m["IMDB Votes"]))[:10]
        found = (
            self.movies.find(
                {"Major Genre": "Comedy", "IMDB Rating": {"$ne": None}}, {"_id": 0, "Title": 1, "IMDB Rating": 1}
            )
            .sort([("IMDB Rating", -1), ("IMDB Votes", -1)])
            .limit(10)
        )
        self.assertEqual(list(found), [{"Title": m["Title"], "IMDB Rating": m["IMDB Rating"]} for m in best])

    def test_distinct_genres(self):
        self.assertEqual(set(self.movies.distinct("Major Genre")), {m["Major Genre"] for m in self.rows})

    def test_updating_a_genre(self):
        changed = self.movies.update_many(
            {"Major Genre": "Western"}, {"$inc": {"US Gross": 1}, "$set": {"tags": ["old"]}, "$unset": {"Source": ""}}
        )
        westerns = self.where(lambda m: m["Major Genre"] == "Western" and m["US Gross"] is not None)
        self.assertEqual(changed.modified_count, len(westerns))
        for document in self.movies.find({"tags": "old"}):
            self.assertEqual(document["US Gross"], self.rows[document["_id"]]["US Gross"] + 1)
            self.assertNotIn("Source", document)


class Earthquakes(ServerTest):
    def setUp(self):
        super().setUp()
        self.rows = sample("earthquakes.json")["features"]
        self.db.quakes.insert_many([{"_id": row["id"], **row} for row in self.rows])

    def matching(self, query):
        return sorted(document["_id"] for document in self.db.quakes.find(query, {"_id": 1}))

    def test_nested_and_array_paths(self):
        rows = [
            (
                {"properties.mag": {"$gt": 4.5}},
                lambda q: q["properties"]["mag"] is not None and q["properties"]["mag"] > 4.5,
            ),
            ({"geometry.coordinates.2": {"$gt": 500}}, lambda q: q["geometry"]["coordinates"][2] > 500),
            ({"geometry.coordinates": {"$lt": -170}}, lambda q: any(c < -170 for c in q["geometry"]["coordinates"])),
            (
                {"geometry.coordinates": {"$elemMatch": {"$gt": 100, "$lt": 120}}},
                lambda q: any(100 < c < 120 for c in q["geometry"]["coordinates"]),
            ),
            (
                {"properties.tsunami": 1, "properties.sources": re.compile("us")},
                lambda q: q["properties"]["tsunami"] == 1 and "us" in q["properties"]["sources"],
            ),
            ({"properties.felt": {"$ne": None}}, lambda q: q["properties"]["felt"] is not None),
        ]
        for query, test in rows:
            with self.subTest(query=query):
                expected = sorted(q["id"] for q in self.rows if test(q))
                self.assertTrue(expected, "the data has such rows")
                self.assertEqual(self.matching(query), expected)

    def test_the_strongest_ten(self):
        strongest = sorted(
            (q for q in self.rows if q["properties"]["mag"] is not None),
            key=lambda q: (-q["properties"]["mag"], q["id"]),
        )[:10]
        found = self.db.quakes.find({}, {"_id": 1}).sort([("properties.mag", -1), ("_id", 1)]).limit(10)
        self.assertEqual([q["_id"] for q in found], [q["id"] for q in strongest])
