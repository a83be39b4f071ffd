// CRUD as one types it into the shell.

const assert = require("node:assert/strict");
// The shell's arrays and objects are not those of Node.js: compare what they say.
const same = (found, expected) => assert.equal(EJSON.stringify(found), EJSON.stringify(expected));
const shell = db.getSiblingDB("mongosh_crud");
shell.dropDatabase();


assert.equal(db.adminCommand({ ping: 1 }).ok, 1);
assert.match(db.version(), /^8\.\d+\.\d+$/);
assert.equal(db.hello().isWritablePrimary, true);

shell.inventory.insertMany([
  { _id: 1, item: "canvas", qty: 100, tags: ["cotton"], size: { h: 28, w: 35.5, uom: "cm" } },
  { _id: 2, item: "journal", qty: 25, tags: ["blank", "red"], size: { h: 14, w: 21, uom: "cm" } },
  { _id: 3, item: "mat", qty: 85, tags: ["gray"], size: { h: 27.9, w: 35.5, uom: "in" } },
]);
same(shell.getCollectionNames(), ["inventory"]);
assert.ok(db.getMongo().getDBNames().includes("mongosh_crud"));
same(shell.inventory.getIndexes(), [{ v: 2, key: { _id: 1 }, name: "_id_" }]);

const found = (query) =>
  shell.inventory
    .find(query)
    .sort({ _id: 1 })
    .toArray()
    .map(({ _id }) => _id);
same(found({ "size.uom": "cm" }), [1, 2]);
same(found({ tags: "red" }), [2]);
same(found({ qty: { $gt: 50 }, "size.h": { $lt: 28 } }), [3]);
same(shell.inventory.findOne({ _id: 2 }, { item: 1, "size.h": 1 }), { _id: 2, item: "journal", size: { h: 14 } });
assert.equal(shell.inventory.countDocuments({ tags: { $size: 1 } }), 2);
assert.equal(shell.inventory.estimatedDocumentCount(), 3);
same(shell.inventory.distinct("size.uom"), ["cm", "in"]);

assert.equal(
  shell.inventory.updateOne({ item: "mat" }, { $set: { "size.uom": "cm" }, $push: { tags: "new" } }).modifiedCount,
  1,
);
same(shell.inventory.findOne({ _id: 3 }).tags, ["gray", "new"]);
assert.equal(shell.inventory.updateOne({ _id: 9 }, { $inc: { qty: 1 } }, { upsert: true }).insertedId, 9);
same(shell.inventory.findOneAndUpdate({ _id: 9 }, { $inc: { qty: 1 } }, { returnDocument: "after" }), {
  _id: 9,
  qty: 2,
});
assert.equal(shell.inventory.deleteMany({ qty: { $lt: 30 } }).deletedCount, 2);
same(found({}), [1, 3]);

const bulk = shell.bulk.initializeUnorderedBulkOp();
for (let n = 0; n < 300; n++) bulk.insert({ _id: n, half: n % 2 });
bulk.find({ half: 0 }).update({ $set: { even: true } });
const outcome = bulk.execute();
assert.equal(outcome.insertedCount, 300);
assert.equal(shell.bulk.find({ even: true }).batchSize(20).toArray().length, 150);

const codeOf = (operation) => {
  try {
    operation();
  } catch (error) {
    return error.code;
  }
};
assert.equal(
  codeOf(() => shell.inventory.insertOne({ _id: 1 })),
  11000,
);
assert.equal(
  codeOf(() => shell.runCommand({ noSuchCommandAtAll: 1 })),
  59,
);

const explained = shell.bulk.find({ half: 1 }).explain("executionStats");
assert.equal(explained.queryPlanner.winningPlan.stage, "COLLSCAN");
assert.equal(explained.executionStats.nReturned, 150);
assert.match(JSON.stringify(explained.smongo), /test\.eq/);

assert.equal(shell.dropDatabase().ok, 1);
