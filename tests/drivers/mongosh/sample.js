// Real data in the shell.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
// The shell's arrays and objects are not those of Node.js: compare what they say.
const same = (found, expected) => assert.equal(EJSON.stringify(found), EJSON.stringify(expected));
const shell = db.getSiblingDB("mongosh_sample");
shell.dropDatabase();


const rows = JSON.parse(fs.readFileSync(path.join(process.env.SMONGO_SAMPLE_DATA, "movies.json"), "utf8"));
shell.movies.insertMany(rows);
assert.equal(shell.movies.countDocuments(), rows.length);

const scary = rows
  .filter((m) => m["Major Genre"] === "Horror" && m["US Gross"] > 50e6)
  .map((m) => m.Title)
  .sort();
assert.ok(scary.length > 0);
const found = shell.movies
  .find({ "Major Genre": "Horror", "US Gross": { $gt: 50e6 } }, { _id: 0, Title: 1 })
  .toArray()
  .map((m) => m.Title)
  .sort();
same(found, scary);

const unrated = rows.filter((m) => m["MPAA Rating"] === null).length;
assert.equal(
  shell.movies.updateMany({ "MPAA Rating": null }, { $set: { "MPAA Rating": "Not Rated" } }).modifiedCount,
  unrated,
);
assert.equal(shell.movies.countDocuments({ "MPAA Rating": null }), 0);

shell.dropDatabase();
