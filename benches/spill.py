#!/usr/bin/env python3
"""Sorting and grouping much more than memory may hold.

    make bench-spill                 2 GB, with MongoDB's limit of 100 MB for a stage
    benches/spill.py 500             so many MB

Prints seconds, the most memory that the server had (its cache is 100 MB), and what lies in the folder of temporary files
afterwards: nothing must. Then a sort is interrupted by kill -9, and the next start must clear the folder. Ends with 1 when
more memory than MEMORY_MAX was used or a file is left.
"""

import sys
import tempfile
import threading
import time

import pymongo

import workloads

MB = 1_000_000
DATA_MB = 2_000
LIMIT_BYTES = 100 * MB
MEMORY_MAX = 400 * MB
DOCUMENT_BYTES = 900
PARAMETERS = ["internalQueryMaxBlockingSortMemoryUsageBytes", "internalDocumentSourceGroupMaxMemoryBytes"]
SORT = [{"$sort": {"key": 1}}, {"$group": {"_id": None, "n": {"$sum": 1}, "last": {"$last": "$key"}}}]
GROUP = [{"$group": {"_id": "$name", "n": {"$sum": 1}, "text": {"$first": "$text"}}}, {"$count": "n"}]


def fill(docs, count):
    # Neither the order of the keys nor that of the names is the order of the documents.
    batch = []
    for number in range(count):
        key = number * 2_654_435_761 % count
        batch.append({"_id": number, "key": key, "name": f"name-{key:012}", "text": f"{key:09}" * (DOCUMENT_BYTES // 9 - 8)})
        if len(batch) == 1_000 or number + 1 == count:
            docs.insert_many(batch)
            batch = []


def left_behind(server):
    folder = server.directory / "_tmp"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def measured(server, docs, name, pipeline, wanted):
    pid = server.process.pid
    workloads.reset_peak(pid)
    began = time.perf_counter()
    [row] = docs.aggregate(pipeline, allowDiskUse=True)
    seconds = time.perf_counter() - began
    peak, left = workloads.peak_bytes(pid), left_behind(server)
    print(f"{name:6} {seconds:8.2f} s, at most {peak // MB} MB, left behind: {left or 'nothing'}", flush=True)
    return row["n"] == wanted and peak <= MEMORY_MAX and not left


def killed(server, docs):
    """Kills the server amid a sort, and says whether the next one finds the folder of temporary files in use, then empty."""

    def sort():
        try:
            list(docs.aggregate(SORT, allowDiskUse=True))
        except pymongo.errors.PyMongoError:
            pass

    thread = threading.Thread(target=sort)
    thread.start()
    deadline = time.monotonic() + 120
    while not left_behind(server) and time.monotonic() < deadline:
        time.sleep(0.01)
    before = left_behind(server)
    server.kill()
    thread.join()
    server.start()
    after = left_behind(server)
    print(f"kill -9 amid a sort: {len(before)} files, after the next start {after or 'none'}", flush=True)
    return bool(before) and not after


def main():
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else DATA_MB
    count = megabytes * MB // DOCUMENT_BYTES
    with tempfile.TemporaryDirectory() as folder, workloads.Server(folder, "--wiredTigerCacheSizeGB", "0.1") as server:
        client = pymongo.MongoClient(server.uri)
        docs = client.bench.docs
        fill(docs, count)
        for parameter in PARAMETERS:
            client.admin.command({"setParameter": 1, parameter: LIMIT_BYTES})
        print(f"{count} documents, {megabytes} MB", flush=True)
        good = measured(server, docs, "sort", SORT, count)
        good &= measured(server, docs, "group", GROUP, count)
        good &= killed(server, docs)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
