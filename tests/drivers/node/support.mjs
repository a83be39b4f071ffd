// What the Node tests share: a client, a fresh database for each test, the sample files.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before } from "node:test";
import { MongoClient } from "mongodb";

let client;

before(async () => {
  client = await new MongoClient(process.env.SMONGO_URI).connect();
});
after(() => client.close());

/** Wraps a test: it gets an empty database, which goes away afterwards. */
export const withDb = (body) => async (t) => {
  const db = client.db(`node_${t.name.replace(/\W+/g, "_")}`.slice(0, 60));
  await db.dropDatabase();
  try {
    await body(db, client);
  } finally {
    await db.dropDatabase();
  }
};

/** A file of the sample data, parsed. */
export const sample = async (name) =>
  JSON.parse(await readFile(path.join(process.env.SMONGO_SAMPLE_DATA, name), "utf8"));

/** The `_id`s of what a query finds, in order. */
export const ids = async (collection, query) =>
  (
    await collection
      .find(query, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .toArray()
  ).map(({ _id }) => _id);
