#!/usr/bin/env python3
"""The aggregation workloads from end to end: pymongo, the wire, a smongod of its own.

    make bench-wire                   on 100,000 documents
    benches/over_the_wire.py 20000    on so many

Prints for each workload the seconds that a client waits (the median of the runs), and the server's processor time for a
document of its input in microseconds, which tells more on a busy machine. Every answer is held against one that is
computed here.
"""

import collections
import statistics
import sys
import tempfile
import time

import pymongo

import workloads

RUNS = 5


def expected(count):
    """What answers must come to, by workload: a number that the answer is reduced to."""
    docs = list(workloads.documents(count))
    tags = collections.Counter(tag for doc in docs for tag in doc["tags"])
    by_group = collections.Counter()
    for doc in docs:
        by_group[doc["group"]] += doc["quantity"]
    return {
        "match and group": sum(doc["status"] in ("new", "active") for doc in docs),
        "group, many keys": len({doc["customer"] for doc in docs}),
        "computed project and group": len({doc["at"].month for doc in docs}),
        "unwind and group": sum(tags.values()),
        "lookup by an index": min(workloads.LOOKUPS, count),
        "facet": count,
        "window": sum(by_group.values()),
        "sort on disk": sorted(doc["amount"] for doc in docs)[-1],
        "distinct": len({doc["customer"] for doc in docs}),
    }


def reduced(name, answer):
    """An answer as the number that `expected` gives."""
    if name == "group, many keys":
        return answer[0]["n"]
    if name in ("computed project and group", "distinct"):
        return len(answer)
    if name == "facet":
        return sum(row["count"] for row in answer[0]["status"])
    if name == "window":
        return sum(row["run"] for row in answer)
    if name == "sort on disk":
        return answer[-1]["amount"]
    return sum(row["n"] for row in answer)


def run(docs, what):
    if isinstance(what, str):
        return docs.distinct(what)
    return list(docs.aggregate(what, allowDiskUse=True))


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else workloads.DOCUMENTS
    wanted = expected(count)
    with tempfile.TemporaryDirectory() as folder, workloads.Server(folder) as server:
        db = pymongo.MongoClient(server.uri).bench
        size = workloads.fill(db, count)
        print(f"{count} documents of {size // count} bytes, {RUNS} runs")
        print(f"{'workload':30} {'seconds':>9} {'server us a document':>22}")
        for name, what, inputs in workloads.workloads(count):
            seconds, cpu = [], []
            for _ in range(RUNS):
                cpu_before, began = workloads.cpu_seconds(server.process.pid), time.perf_counter()
                answer = run(db.docs, what)
                seconds.append(time.perf_counter() - began)
                cpu.append(workloads.cpu_seconds(server.process.pid) - cpu_before)
                if abs(reduced(name, answer) - wanted[name]) > 1e-6:
                    sys.exit(f"{name}: {reduced(name, answer)} instead of {wanted[name]}")
            micros = statistics.mean(cpu) * 1e6 / inputs
            print(f"{name:30} {statistics.median(seconds):9.4f} {micros:22.2f}", flush=True)


if __name__ == "__main__":
    main()
