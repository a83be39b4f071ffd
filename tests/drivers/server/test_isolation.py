"""Snapshot isolation under load and kill -9; and whether its checker would find what is wrong."""

import random
import unittest

from .isolation import ABORTED, COMMITTED, Transaction, check, run

TRANSACTIONS = 3000


def history(*transactions):
    made = []
    for session, outcome, *operations in transactions:
        transaction = Transaction(session)
        transaction.outcome, transaction.operations = outcome, operations
        made.append(transaction)
    return made


class Checker(unittest.TestCase):
    """The anomalies of Adya's thesis, as histories of lists."""

    def violations(self, final, *transactions):
        return check(history(*transactions), final)

    def test_write_skew_is_allowed(self):
        one = (1, COMMITTED, ("r", "x", ()), ("a", "y", 1))
        two = (2, COMMITTED, ("r", "y", ()), ("a", "x", 2))
        self.assertEqual(self.violations({"x": (2,), "y": (1,)}, one, two), [])

    def test_a_lost_update_is_found(self):
        one = (1, COMMITTED, ("r", "x", ()), ("a", "x", 1))
        two = (2, COMMITTED, ("r", "x", ()), ("a", "x", 2))
        self.assertTrue(self.violations({"x": (1, 2)}, one, two))

    def test_a_read_skew_is_found(self):
        one = (1, COMMITTED, ("a", "x", 1), ("a", "y", 2))
        two = (2, COMMITTED, ("r", "x", ()), ("r", "y", (2,)))
        self.assertTrue(self.violations({"x": (1,), "y": (2,)}, one, two))

    def test_a_cycle_of_reads_is_found(self):
        one = (1, COMMITTED, ("a", "x", 1), ("r", "y", (2,)))
        two = (2, COMMITTED, ("a", "y", 2), ("r", "x", (1,)))
        self.assertTrue(self.violations({"x": (1,), "y": (2,)}, one, two))

    def test_aborted_half_done_and_lost_writes_are_found(self):
        aborted = (1, ABORTED, ("a", "x", 1))
        self.assertTrue(self.violations({"x": (1,)}, aborted))
        lost = (1, COMMITTED, ("a", "x", 1))
        self.assertTrue(self.violations({}, lost))
        half = (1, COMMITTED, ("a", "x", 1), ("a", "x", 2))
        reader = (2, COMMITTED, ("r", "x", (1,)))
        self.assertTrue(self.violations({"x": (1, 2)}, half, reader))

    def test_a_session_that_forgets_is_found(self):
        one = (1, COMMITTED, ("a", "x", 1))
        two = (1, COMMITTED, ("r", "x", ()))
        self.assertTrue(self.violations({"x": (1,)}, one, two))


class Isolation(unittest.TestCase):
    def test_eight_clients_and_kills(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", flush=True)
        done, final, kills = run(TRANSACTIONS, seed, kill_every_s=1.0)
        committed = sum(transaction.outcome == COMMITTED for transaction in done)
        print(f"{len(done)} transactions, {committed} committed, {kills} kills", flush=True)
        self.assertGreater(committed, TRANSACTIONS // 4)
        self.assertEqual(check(done, final), [])
