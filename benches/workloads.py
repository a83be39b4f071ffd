"""What the aggregation workloads run on: documents of about 500 bytes that come out the same every time, the pipelines,
and how the server's time is read."""

import datetime
import os
import pathlib
import random
import sys

import bson

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "drivers"))

from smongod import Server  # noqa: E402,F401

SEED = 20
DOCUMENTS = 100_000
CITIES = 1_000
LOOKUPS = 5_000
WORDS = "ash birch cedar elm fir hazel larch maple oak pine rowan spruce willow yew".split()
DAY_0 = datetime.datetime(2024, 1, 1)


def documents(count, seed=SEED):
    """`count` documents, one after another."""
    pick = random.Random(seed)
    for number in range(count):
        yield {
            "_id": number,
            "status": pick.choice(["new", "active", "closed", "lost"]),
            "group": pick.randrange(20),
            "customer": pick.randrange(max(1, count // 2)),
            "city": pick.randrange(CITIES),
            "amount": pick.random() * 10_000,
            "quantity": pick.randrange(1, 50),
            "tags": pick.sample(range(100), pick.randrange(5, 11)),
            "at": DAY_0 + datetime.timedelta(seconds=pick.randrange(86_400 * 365)),
            "address": {"street": pick.choice(WORDS), "number": pick.randrange(200), "floor": None},
            "text": " ".join(pick.choice(WORDS) for _ in range(38)),
        }


def cities():
    pick = random.Random(SEED)
    return [{"_id": number, "country": pick.randrange(40)} for number in range(CITIES)]


def workloads(count):
    """Name, pipeline or key, and of how many input documents the time is told."""
    sums = {"n": {"$sum": 1}, "amount": {"$sum": "$amount"}}
    running = {"$sum": "$quantity", "window": {"documents": ["unbounded", "current"]}}
    return [
        ("match and group", [{"$match": {"status": {"$in": ["new", "active"]}}}, {"$group": {"_id": "$group", **sums}}], count),
        ("group, many keys", [{"$group": {"_id": "$customer", **sums}}, {"$count": "n"}], count),
        (
            "computed project and group",
            [
                {
                    "$project": {
                        "month": {"$month": "$at"},
                        "value": {"$multiply": ["$amount", "$quantity"]},
                        "where": {"$concat": ["$address.street", " ", {"$toString": "$address.number"}]},
                    }
                },
                {"$group": {"_id": "$month", "value": {"$avg": "$value"}, "last": {"$max": "$where"}}},
            ],
            count,
        ),
        ("unwind and group", [{"$unwind": "$tags"}, {"$group": {"_id": "$tags", "n": {"$sum": 1}}}], count),
        (
            "lookup by an index",
            [
                {"$match": {"_id": {"$lt": LOOKUPS}}},
                {"$lookup": {"from": "cities", "localField": "city", "foreignField": "_id", "as": "city"}},
                {"$unwind": "$city"},
                {"$group": {"_id": "$city.country", "n": {"$sum": 1}}},
            ],
            min(LOOKUPS, count),
        ),
        (
            "facet",
            [
                {
                    "$facet": {
                        "status": [{"$sortByCount": "$status"}],
                        "top": [{"$sort": {"amount": -1}}, {"$limit": 5}, {"$project": {"amount": 1}}],
                        "all": [{"$group": {"_id": None, "max": {"$max": "$amount"}, "avg": {"$avg": "$quantity"}}}],
                    }
                }
            ],
            count,
        ),
        (
            "window",
            [
                {
                    "$setWindowFields": {
                        "partitionBy": "$group",
                        "sortBy": {"at": 1},
                        "output": {"run": running, "place": {"$documentNumber": {}}},
                    }
                },
                {"$group": {"_id": "$group", "run": {"$max": "$run"}, "place": {"$max": "$place"}}},
            ],
            count,
        ),
        ("sort on disk", [{"$sort": {"amount": 1}}, {"$skip": count - 10}, {"$project": {"amount": 1}}], count),
        ("distinct", "customer", count),
    ]


def fill(db, count):
    """Inserts the documents; gives their bytes."""
    db.client.drop_database(db.name)
    size, batch = 0, []
    for document in documents(count):
        raw = bson.raw_bson.RawBSONDocument(bson.encode(document))
        size += len(raw.raw)
        batch.append(raw)
        if len(batch) == 2_000:
            db.docs.insert_many(batch)
            batch = []
    if batch:
        db.docs.insert_many(batch)
    db.cities.insert_many(cities())
    return size


def cpu_seconds(pid):
    """Processor time that a process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(pid):
    """The most memory that a process has had, since it began or since `reset_peak`."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def reset_peak(pid):
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
