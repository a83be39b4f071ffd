"""Transactions, retryable writes and snapshot sessions, as pymongo's manual shows them."""

import pymongo

from .support import ServerTest


class TransactionTest(ServerTest):
    def test_commit_and_abort(self):
        accounts = self.db.accounts
        accounts.insert_many([{"_id": "a", "sum": 10}, {"_id": "b", "sum": 0}])
        with self.client.start_session() as session:
            with session.start_transaction():
                accounts.update_one({"_id": "a"}, {"$inc": {"sum": -4}}, session=session)
                accounts.update_one({"_id": "b"}, {"$inc": {"sum": 4}}, session=session)
                self.assertEqual(accounts.find_one({"_id": "b"})["sum"], 0)
            self.assertEqual(accounts.find_one({"_id": "b"})["sum"], 4)
            session.start_transaction()
            accounts.delete_many({}, session=session)
            self.assertEqual(accounts.count_documents({}, session=session), 0)
            session.abort_transaction()
        self.assertEqual(accounts.count_documents({}), 2)

    def test_callback_is_run_again_after_a_conflict(self):
        counters = self.db.counters
        counters.insert_one({"_id": 1, "n": 0})
        attempts = []

        def count(session):
            attempts.append(1)
            counters.find_one({"_id": 1}, session=session)
            if len(attempts) == 1:
                counters.update_one({"_id": 1}, {"$inc": {"n": 10}})
            counters.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)

        with self.client.start_session() as session:
            session.with_transaction(count)
        self.assertEqual(len(attempts), 2)
        self.assertEqual(counters.find_one()["n"], 11)

    def test_conflict_has_its_label(self):
        items = self.db.items
        items.insert_one({"_id": 1})
        with self.client.start_session() as first, self.client.start_session() as second:
            first.start_transaction()
            items.update_one({"_id": 1}, {"$set": {"a": 1}}, session=first)
            second.start_transaction()
            with self.assertRaises(pymongo.errors.OperationFailure) as caught:
                items.update_one({"_id": 1}, {"$set": {"a": 2}}, session=second)
            self.assertTrue(caught.exception.has_error_label("TransientTransactionError"))
            self.assertEqual(caught.exception.code, 112)
            first.commit_transaction()

    def test_snapshot_session(self):
        items = self.db.items
        items.insert_one({"_id": 1})
        with self.client.start_session(snapshot=True) as session:
            self.assertEqual(len(items.find(session=session).to_list()), 1)
            items.insert_one({"_id": 2})
            self.assertEqual(len(items.find(session=session).to_list()), 1)
        self.assertEqual(items.count_documents({}), 2)

    def test_causal_consistency(self):
        with self.client.start_session(causal_consistency=True) as session:
            self.db.items.insert_one({"_id": 1}, session=session)
            self.assertIsNotNone(session.operation_time)
            self.assertEqual(self.db.items.find_one(session=session), {"_id": 1})

    def test_bulk_write_in_a_transaction(self):
        items = self.db.items
        with self.client.start_session() as session, session.start_transaction():
            items.bulk_write(
                [pymongo.InsertOne({"_id": 1}), pymongo.UpdateOne({"_id": 1}, {"$set": {"a": 1}})], session=session
            )
            self.assertEqual(items.aggregate([{"$count": "n"}], session=session).to_list(), [{"n": 1}])
        self.assertEqual(items.find_one(), {"_id": 1, "a": 1})
