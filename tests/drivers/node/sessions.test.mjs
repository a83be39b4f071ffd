// Transactions and change streams, as the driver's documentation shows them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withDb } from "./support.mjs";

test(
  "a transaction commits or comes to nothing",
  withDb(async (db, client) => {
    const accounts = db.collection("accounts");
    await accounts.insertMany([
      { _id: "a", sum: 10 },
      { _id: "b", sum: 0 },
    ]);
    await client.withSession((session) =>
      session.withTransaction(async () => {
        await accounts.updateOne({ _id: "a" }, { $inc: { sum: -4 } }, { session });
        await accounts.updateOne({ _id: "b" }, { $inc: { sum: 4 } }, { session });
        assert.equal((await accounts.findOne({ _id: "b" })).sum, 0);
      }),
    );
    assert.equal((await accounts.findOne({ _id: "b" })).sum, 4);
    await client.withSession(async (session) => {
      session.startTransaction();
      await accounts.deleteMany({}, { session });
      await session.abortTransaction();
    });
    assert.equal(await accounts.countDocuments(), 2);
  }),
);

test(
  "a conflict runs the callback again",
  withDb(async (db, client) => {
    const counters = db.collection("counters");
    await counters.insertOne({ _id: 1, n: 0 });
    let attempts = 0;
    await client.withSession((session) =>
      session.withTransaction(async () => {
        attempts += 1;
        await counters.findOne({ _id: 1 }, { session });
        if (attempts === 1) {
          await counters.updateOne({ _id: 1 }, { $inc: { n: 10 } });
        }
        await counters.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session });
      }),
    );
    assert.equal(attempts, 2);
    assert.equal((await counters.findOne()).n, 11);
  }),
);

test(
  "changes are told, and a stream goes on where another was",
  withDb(async (db) => {
    const items = await db.createCollection("items", { changeStreamPreAndPostImages: { enabled: true } });
    const stream = items.watch([], { fullDocument: "updateLookup", fullDocumentBeforeChange: "whenAvailable" });
    await stream.tryNext();
    await items.insertOne({ _id: 1, a: 1 });
    await items.updateOne({ _id: 1 }, { $set: { a: 2 } });
    await items.deleteOne({ _id: 1 });
    const events = [await stream.next(), await stream.next(), await stream.next()];
    assert.deepEqual(
      events.map((event) => event.operationType),
      ["insert", "update", "delete"],
    );
    assert.deepEqual(events[1].fullDocumentBeforeChange, { _id: 1, a: 1 });
    await stream.close();
    const second = items.watch([], { resumeAfter: events[0]._id });
    assert.equal((await second.next()).operationType, "update");
    assert.equal((await second.next()).operationType, "delete");
    await second.close();
  }),
);

test(
  "a stream can be iterated",
  withDb(async (db) => {
    const items = await db.createCollection("items");
    const stream = db.watch([{ $match: { operationType: "insert" } }]);
    await stream.tryNext();
    await items.insertMany([{ _id: 1 }, { _id: 2 }]);
    const seen = [];
    for await (const event of stream) {
      seen.push(event.documentKey._id);
      if (seen.length === 2) {
        break;
      }
    }
    assert.deepEqual(seen, [1, 2]);
  }),
);
