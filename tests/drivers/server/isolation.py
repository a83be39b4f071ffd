"""Does the server keep snapshot isolation? Histories of transactions over lists, and a checker of such histories.

Clients run transactions that read lists and append values to them, each value once. Since a list shows in which order its
values came, what transactions read tells how they depend on each other:

    ww  a appended to a list just before b did
    wr  b saw what a appended
    rw  a did not see what b appended to a list that a read
    so  a came before b in one session

Snapshot isolation holds when every cycle of these has two neighbouring rw edges (Cerone and Gotsman: "Analysing Snapshot
Isolation", 2018). Aborted and half-done reads, lost and repeated values are looked for as well.

By hand: python3 isolation.py --transactions 100000 [--seed n]
"""

import argparse
import collections
import pathlib
import random
import sys
import tempfile
import threading
import time

import pymongo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from smongod import Server  # noqa: E402

CLIENTS = 8
# Lists in use at a time; fewer make more conflicts.
LISTS = 12
# Appends after which another list takes a list's place.
APPENDS_MAX = 60
OPERATIONS = (1, 5)

COMMITTED, ABORTED, UNKNOWN = "committed", "aborted", "unknown"


class Transaction:
    """What a transaction did, in order: ("r", list, values) and ("a", list, value)."""

    def __init__(self, session):
        self.session = session
        self.operations = []
        self.outcome = UNKNOWN


class Lists:
    """Which lists are in use, and the values that go to them."""

    def __init__(self):
        self.lock = threading.Lock()
        self.keys = list(range(LISTS))
        self.appends = collections.Counter()
        self.next_key = LISTS
        self.next_value = 0

    def choose(self, chance):
        with self.lock:
            return chance.choice(self.keys)

    def value(self, key):
        with self.lock:
            self.next_value += 1
            self.appends[key] += 1
            if self.appends[key] == APPENDS_MAX and key in self.keys:
                self.keys[self.keys.index(key)] = self.next_key
                self.next_key += 1
            return self.next_value


class Worker(threading.Thread):
    """A client: one transaction after the other, until there have been enough or the server is gone."""

    def __init__(self, uri, number, chance, lists, remaining, stop):
        super().__init__()
        self.uri, self.number, self.chance, self.lists = uri, number, chance, lists
        self.remaining, self.stop = remaining, stop
        self.history = []
        self.problem = None

    def run(self):
        client = pymongo.MongoClient(self.uri, retryWrites=False, socketTimeoutMS=20_000, serverSelectionTimeoutMS=500)
        try:
            collection = client.test.lists
            with client.start_session() as session:
                while not self.stop.is_set() and self.remaining.take():
                    self.transaction(collection, session)
        except pymongo.errors.ConnectionFailure:
            pass  # the server is gone
        except Exception as problem:  # noqa: BLE001: whatever it is, the test must fail with it
            self.problem = problem
        finally:
            client.close()

    def transaction(self, collection, session):
        done = Transaction(self.number)
        self.history.append(done)
        try:
            session.start_transaction()
            for _ in range(self.chance.randint(*OPERATIONS)):
                self.operation(collection, session, done)
        except pymongo.errors.OperationFailure as error:
            done.outcome = ABORTED
            if not error.has_error_label("TransientTransactionError"):
                raise
            session.abort_transaction()
            return
        except pymongo.errors.ConnectionFailure:
            done.outcome = ABORTED  # nothing was committed yet
            raise
        try:
            session.commit_transaction()
            done.outcome = COMMITTED
        except pymongo.errors.OperationFailure as error:
            if not error.has_error_label("TransientTransactionError"):
                raise
            done.outcome = ABORTED

    def operation(self, collection, session, done):
        key = self.lists.choose(self.chance)
        if self.chance.random() < 0.5:
            found = collection.find_one({"_id": key}, session=session)
            done.operations.append(("r", key, tuple(found["values"]) if found else ()))
        else:
            value = self.lists.value(key)
            done.operations.append(("a", key, value))
            collection.update_one({"_id": key}, {"$push": {"values": value}}, upsert=True, session=session)


class Remaining:
    """How many transactions there are still to be."""

    def __init__(self, count):
        self.lock = threading.Lock()
        self.count = count

    def take(self):
        with self.lock:
            self.count -= 1
            return self.count >= 0


def run(transactions, seed, kill_every_s):
    """Runs transactions while the server is killed now and then; gives the history and the lists in the end."""
    chance = random.Random(seed)
    lists, remaining, history, kills, session = Lists(), Remaining(transactions), [], 0, 0
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        while remaining.count > 0:
            stop = threading.Event()
            workers = []
            for _ in range(CLIENTS):
                session += 1
                workers.append(Worker(server.uri, session, random.Random(chance.random()), lists, remaining, stop))
            for worker in workers:
                worker.start()
            deadline = time.monotonic() + chance.uniform(0.5, 1.5) * kill_every_s
            while time.monotonic() < deadline and any(worker.is_alive() for worker in workers):
                time.sleep(0.02)
            if any(worker.is_alive() for worker in workers):
                server.kill()
                kills += 1
                server.start()
            for worker in workers:
                worker.join()
                if worker.problem is not None:
                    raise worker.problem
                history.extend(worker.history)
        with pymongo.MongoClient(server.uri) as client:
            final = {found["_id"]: tuple(found["values"]) for found in client.test.lists.find()}
    return history, final, kills


def check(history, final):
    """The violations of snapshot isolation in a history; `final` are the lists in the end."""
    problems = []
    writer = {}
    for number, transaction in enumerate(history):
        for kind, key, value in transaction.operations:
            if kind == "a":
                writer[key, value] = number
    order = dict(final)
    for key, values in final.items():
        if len(set(values)) < len(values):
            problems.append(f"list {key} has a value twice")
    seen = {(key, value) for key, values in final.items() for value in values}
    committed = set()
    for number, transaction in enumerate(history):
        appended = [(key, value) for kind, key, value in transaction.operations if kind == "a"]
        there = [entry in seen for entry in appended]
        if transaction.outcome == COMMITTED and not all(there):
            problems.append(f"transaction {number} lost what it committed")
        if transaction.outcome == ABORTED and any(there):
            problems.append(f"transaction {number} was aborted and is there")
        if transaction.outcome == UNKNOWN and any(there) and not all(there):
            problems.append(f"transaction {number} is there in part")
        if transaction.outcome == COMMITTED or (transaction.outcome == UNKNOWN and appended and all(there)):
            committed.add(number)
    edges = collections.defaultdict(set)  # ww, wr and so
    antis = collections.defaultdict(set)  # rw
    for key, values in order.items():
        writers = [writer.get((key, value)) for value in values]
        if None in writers:
            problems.append(f"list {key} has a value that nobody appended")
            continue
        for one, other in zip(writers, writers[1:]):
            if one != other:
                edges[one].add(other)
    last_in_session = {}
    for number, transaction in enumerate(history):
        if number not in committed:
            continue
        before = last_in_session.get(transaction.session)
        if before is not None:
            edges[before].add(number)
        last_in_session[transaction.session] = number
        own = collections.defaultdict(list)
        for kind, key, value in transaction.operations:
            if kind == "a":
                own[key].append(value)
                continue
            mine = own[key]
            if mine and list(value[-len(mine):]) != mine:
                problems.append(f"transaction {number} does not see what it did itself")
                continue
            read = value[: len(value) - len(mine)]
            whole = order.get(key, ())
            if whole[: len(read)] != read:
                problems.append(f"transaction {number} read {read} of list {key}, which is {whole}")
                continue
            if read:
                last = writer[key, read[-1]]
                edges[last].add(number)
                if len(read) < len(whole) and writer[key, whole[len(read)]] == last:
                    problems.append(f"transaction {number} saw a part of transaction {last}")
            if len(read) < len(whole):
                next_writer = writer[key, whole[len(read)]]
                if next_writer != number:
                    antis[number].add(next_writer)
    if has_cycle(len(history), edges, antis):
        problems.append("dependencies have a cycle without two neighbouring anti-dependencies")
    return problems


def has_cycle(count, edges, antis):
    """Whether steps of one edge and at most one anti-dependency after it lead back to where they began."""
    # Every transaction is two nodes: `n` before a step, `n + count` behind an edge.
    after = [[] for _ in range(2 * count)]
    for one, others in edges.items():
        after[one].extend(other + count for other in others)
    for node in range(count):
        after[node + count].append(node)
        after[node + count].extend(antis.get(node, ()))
    incoming = [0] * (2 * count)
    for nodes in after:
        for node in nodes:
            incoming[node] += 1
    free = [node for node in range(2 * count) if incoming[node] == 0]
    left = 2 * count
    while free:
        node = free.pop()
        left -= 1
        for other in after[node]:
            incoming[other] -= 1
            if incoming[other] == 0:
                free.append(other)
    return left > 0


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--transactions", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments.add_argument("--kill-every-s", type=float, default=5.0)
    options = arguments.parse_args()
    begin = time.monotonic()
    history, final, kills = run(options.transactions, options.seed, options.kill_every_s)
    problems = check(history, final)
    outcomes = collections.Counter(transaction.outcome for transaction in history)
    print(f"seed {options.seed}: {len(history)} transactions {dict(outcomes)}, {kills} kills, {len(final)} lists, "
          f"{sum(map(len, final.values()))} values, {time.monotonic() - begin:.0f} s")
    for problem in problems[:20]:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
