// Sessions, transactions and change streams in the shell.

const assert = require("node:assert/strict");
const same = (found, expected) => assert.equal(EJSON.stringify(found), EJSON.stringify(expected));
const shell = db.getSiblingDB("mongosh_sessions");
shell.dropDatabase();

shell.createCollection("accounts");
const session = db.getMongo().startSession();
const accounts = session.getDatabase("mongosh_sessions").accounts;
session.startTransaction();
accounts.insertOne({ _id: 1, sum: 5 });
same(shell.accounts.countDocuments({}), 0);
session.commitTransaction();
same(shell.accounts.findOne(), { _id: 1, sum: 5 });
session.startTransaction();
accounts.deleteMany({});
session.abortTransaction();
same(shell.accounts.countDocuments({}), 1);
session.endSession();

const stream = shell.accounts.watch();
stream.tryNext();
shell.accounts.updateOne({ _id: 1 }, { $inc: { sum: 1 } });
shell.accounts.deleteOne({ _id: 1 });
const next = () => {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const event = stream.tryNext();
    if (event !== null) {
      return event;
    }
  }
  throw new Error("there was no event");
};
same(next().updateDescription.updatedFields, { sum: 6 });
same(next().operationType, "delete");
stream.close();

shell.dropDatabase();
