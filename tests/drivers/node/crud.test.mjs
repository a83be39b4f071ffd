import assert from "node:assert/strict";
import { test } from "node:test";
import { Binary, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp } from "mongodb";
import { ids, withDb } from "./support.mjs";

const inventory = [
  {
    _id: 1,
    item: "journal",
    qty: 25,
    size: { h: 14, unit: "cm" },
    tags: ["blank", "red"],
    instock: [
      { warehouse: "A", qty: 5 },
      { warehouse: "C", qty: 15 },
    ],
  },
  {
    _id: 2,
    item: "notebook",
    qty: 50,
    size: { h: 8.5, unit: "in" },
    tags: ["red", "plain"],
    instock: [{ warehouse: "C", qty: 5 }],
  },
  {
    _id: 3,
    item: "paper",
    qty: 100,
    size: { h: 8.5, unit: "in" },
    tags: ["red", "blank", "plain"],
    instock: [
      { warehouse: "A", qty: 60 },
      { warehouse: "B", qty: 15 },
    ],
  },
  { _id: 4, item: "planner", qty: 75, size: { h: 22.85, unit: "cm" }, tags: [], instock: [] },
];

test(
  "ping and hello",
  withDb(async (db, client) => {
    assert.equal((await client.db("admin").command({ ping: 1 })).ok, 1);
    const hello = await db.command({ hello: 1 });
    assert.equal(hello.maxWireVersion, 27);
    assert.equal(hello.isWritablePrimary, true);
  }),
);

test(
  "values of every type come back",
  withDb(async (db) => {
    const document = {
      _id: new ObjectId(),
      double: new Double(2),
      int: new Int32(2),
      long: Long.fromString("9007199254740993"),
      decimal: Decimal128.fromString("0.10"),
      text: "žluťoučký",
      nested: { list: [1, [2, { three: 3 }]] },
      date: new Date(-1),
      none: null,
      yes: true,
      bytes: new Binary(Buffer.from([0, 255]), 0),
      regex: /a.b/i,
      at: new Timestamp({ t: 1, i: 2 }),
      min: new MinKey(),
      max: new MaxKey(),
    };
    await db.collection("values").insertOne(document);
    const options = { promoteValues: false };
    const [found] = await db
      .collection("values")
      .find({ long: Long.fromString("9007199254740993") }, options)
      .toArray();
    assert.deepEqual(Object.keys(found), Object.keys(document));
    assert.equal(found.double._bsontype, "Double");
    assert.equal(found.int._bsontype, "Int32");
    assert.equal(found.long.toString(), "9007199254740993");
    assert.equal(found.decimal.toString(), "0.10");
    assert.equal(found.date.getTime(), -1);
  }),
);

test(
  "filters over nested and array paths",
  withDb(async (db) => {
    const stock = db.collection("stock");
    await stock.insertMany(inventory);
    for (const [query, expected] of [
      [{ "size.unit": "cm" }, [1, 4]],
      [{ tags: "plain" }, [2, 3]],
      [{ tags: ["red", "plain"] }, [2]],
      [{ tags: { $all: ["plain", "red"] } }, [2, 3]],
      [{ tags: { $size: 0 } }, [4]],
      [{ "instock.qty": { $gt: 14 } }, [1, 3]],
      [{ "instock.0.warehouse": "C" }, [2]],
      [{ instock: { $elemMatch: { warehouse: "A", qty: { $lt: 10 } } } }, [1]],
      [{ instock: { warehouse: "C", qty: 5 } }, [2]],
      [{ item: /^p/, qty: { $in: [75, 100] } }, [3, 4]],
      [{ $or: [{ qty: { $lt: 30 } }, { item: "paper" }] }, [1, 3]],
      [{ missing: { $exists: false }, qty: { $nin: [25, 50] } }, [3, 4]],
      [{ $expr: { $lt: ["$qty", 60] } }, [1, 2]],
    ]) {
      assert.deepEqual(await ids(stock, query), expected, JSON.stringify(query));
    }
    assert.deepEqual(await stock.findOne({ _id: 1 }, { projection: { _id: 0, "size.h": 1, instock: { $slice: 1 } } }), {
      size: { h: 14 },
      instock: [{ warehouse: "A", qty: 5 }],
    });
    assert.deepEqual(
      (await stock.find().sort({ "size.h": 1, qty: -1 }).skip(1).limit(2).toArray()).map((d) => d._id),
      [2, 1],
    );
    assert.equal(await stock.countDocuments({ tags: "red" }), 3);
    assert.deepEqual((await stock.distinct("instock.warehouse")).sort(), ["A", "B", "C"]);
  }),
);

test(
  "updates, upserts, positional operators",
  withDb(async (db) => {
    const stock = db.collection("stock");
    await stock.insertMany(inventory);
    const set = await stock.updateMany(
      { "size.unit": "in" },
      { $set: { "size.unit": "inch" }, $inc: { qty: -1 }, $push: { tags: { $each: ["x", "a"], $sort: 1 } } },
    );
    assert.deepEqual([set.matchedCount, set.modifiedCount], [2, 2]);
    assert.deepEqual(await stock.findOne({ _id: 2 }), {
      ...inventory[1],
      qty: 49,
      size: { h: 8.5, unit: "inch" },
      tags: ["a", "plain", "red", "x"],
    });
    await stock.updateOne({ _id: 3, "instock.warehouse": "B" }, { $set: { "instock.$.qty": 0 } });
    await stock.updateOne(
      { _id: 3 },
      { $inc: { "instock.$[big].qty": 1 } },
      { arrayFilters: [{ "big.qty": { $gte: 60 } }] },
    );
    await stock.updateOne({ _id: 3 }, { $set: { "instock.$[].seen": true } });
    assert.deepEqual((await stock.findOne({ _id: 3 })).instock, [
      { warehouse: "A", qty: 61, seen: true },
      { warehouse: "B", qty: 0, seen: true },
    ]);
    const upserted = await stock.updateOne({ _id: 9, item: "pen" }, { $setOnInsert: { qty: 0 } }, { upsert: true });
    assert.equal(upserted.upsertedId, 9);
    assert.deepEqual(await stock.findOne({ _id: 9 }), { _id: 9, item: "pen", qty: 0 });
    assert.equal((await stock.replaceOne({ _id: 9 }, { item: "pencil" })).modifiedCount, 1);
    assert.deepEqual(await stock.findOneAndUpdate({ _id: 9 }, { $inc: { qty: 3 } }, { returnDocument: "after" }), {
      _id: 9,
      item: "pencil",
      qty: 3,
    });
    assert.deepEqual(await stock.findOneAndDelete({ item: "pencil" }, { projection: { _id: 1 } }), { _id: 9 });
    assert.equal(await stock.findOneAndReplace({ _id: 100 }, { x: 1 }), null);
    assert.equal((await stock.deleteMany({ tags: { $size: 0 } })).deletedCount, 1);
    assert.deepEqual(await ids(stock, {}), [1, 2, 3]);
  }),
);

test(
  "bulk writes and unordered inserts",
  withDb(async (db) => {
    const documents = db.collection("documents");
    const result = await documents.bulkWrite([
      { insertOne: { document: { _id: 1, v: 1 } } },
      { updateOne: { filter: { _id: 1 }, update: { $inc: { v: 1 } } } },
      { updateMany: { filter: { v: { $gt: 0 } }, update: { $set: { seen: true } } } },
      { replaceOne: { filter: { _id: 2 }, replacement: { v: 2 }, upsert: true } },
      { deleteOne: { filter: { _id: 1 } } },
    ]);
    assert.deepEqual(
      [result.insertedCount, result.modifiedCount, result.upsertedCount, result.deletedCount],
      [1, 2, 1, 1],
    );
    await assert.rejects(
      documents.insertMany([{ _id: 2 }, { _id: 3 }, { _id: 3 }, { _id: 4 }], { ordered: false }),
      (error) => {
        assert.equal(error.code, 11000);
        assert.equal(error.insertedCount, 2);
        assert.deepEqual(
          error.writeErrors.map(({ index }) => index),
          [0, 2],
        );
        return true;
      },
    );
    assert.deepEqual(await ids(documents, {}), [2, 3, 4]);
  }),
);

test(
  "errors have mongod's codes",
  withDb(async (db) => {
    const documents = db.collection("documents");
    await documents.insertOne({ _id: "a", n: "text" });
    await assert.rejects(documents.insertOne({ _id: "a" }), {
      code: 11000,
      keyValue: { _id: "a" },
      keyPattern: { _id: 1 },
    });
    await assert.rejects(db.command({ noSuchCommandAtAll: 1 }), { code: 59, codeName: "CommandNotFound" });
    await assert.rejects(documents.find({ a: { $nope: 1 } }).toArray(), { code: 2, codeName: "BadValue" });
    await assert.rejects(documents.updateOne({}, { $inc: { n: 1 } }), { code: 14 });
  }),
);

test(
  "cursors of several batches, closed early or drained",
  withDb(async (db) => {
    const numbers = db.collection("numbers");
    await numbers.insertMany(Array.from({ length: 1000 }, (_, n) => ({ _id: n })));
    let sum = 0;
    for await (const { _id } of numbers.find({ _id: { $gte: 10 } }, { batchSize: 33 })) sum += _id;
    assert.equal(sum, (999 * 1000) / 2 - 45);
    const cursor = numbers.find({}, { batchSize: 5 });
    assert.equal((await cursor.next())._id, 0);
    await cursor.close();
  }),
);

test(
  "explain shows plan and programs",
  withDb(async (db) => {
    const numbers = db.collection("numbers");
    await numbers.insertMany(Array.from({ length: 100 }, (_, n) => ({ _id: n, a: { b: n } })));
    const explained = await numbers.find({ "a.b": { $gte: 90 } }).explain("executionStats");
    assert.equal(explained.queryPlanner.winningPlan.stage, "COLLSCAN");
    assert.equal(explained.executionStats.nReturned, 10);
    assert.equal(explained.executionStats.totalDocsExamined, 100);
    assert.match(JSON.stringify(explained.smongo), /test\.gte .*a\.b/);
  }),
);
