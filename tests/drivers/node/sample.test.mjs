import assert from "node:assert/strict";
import { test } from "node:test";
import { ids, sample, withDb } from "./support.mjs";

test(
  "movies",
  withDb(async (db) => {
    const rows = (await sample("movies.json")).map((row, _id) => ({ _id, ...row }));
    const movies = db.collection("movies");
    await movies.insertMany(rows);
    const expect = async (query, holds) => {
      const expected = rows.filter(holds).map(({ _id }) => _id);
      assert.ok(expected.length > 0, "the data has such rows");
      assert.deepEqual(await ids(movies, query), expected, JSON.stringify(query));
    };
    await expect({ "Major Genre": { $in: ["Western", "Musical"] } }, (m) =>
      ["Western", "Musical"].includes(m["Major Genre"]),
    );
    await expect({ "Rotten Tomatoes Rating": { $gt: 95 } }, (m) => m["Rotten Tomatoes Rating"] > 95);
    await expect({ Title: /\d$/ }, (m) => typeof m.Title === "string" && /\d$/.test(m.Title));
    await expect(
      { Director: { $ne: null }, "IMDB Rating": { $lt: 4 } },
      (m) => m.Director !== null && m["IMDB Rating"] !== null && m["IMDB Rating"] < 4,
    );
    const richest = rows
      .filter((m) => m["Worldwide Gross"] !== null)
      .sort((a, b) => b["Worldwide Gross"] - a["Worldwide Gross"] || a._id - b._id);
    const found = await movies.find().sort({ "Worldwide Gross": -1, _id: 1 }).limit(25).project({ Title: 1 }).toArray();
    assert.deepEqual(
      found,
      richest.slice(0, 25).map(({ _id, Title }) => ({ _id, Title })),
    );
  }),
);

test(
  "earthquakes",
  withDb(async (db) => {
    const rows = (await sample("earthquakes.json")).features.map((row) => ({ _id: row.id, ...row }));
    const quakes = db.collection("quakes");
    await quakes.insertMany(rows);
    const depthOver = (km) =>
      rows
        .filter((q) => q.geometry.coordinates[2] > km)
        .map(({ _id }) => _id)
        .sort();
    assert.deepEqual(await ids(quakes, { "geometry.coordinates.2": { $gt: 200 } }), depthOver(200));
    const west = rows
      .filter((q) => q.geometry.coordinates.some((c) => c < -175))
      .map(({ _id }) => _id)
      .sort();
    assert.deepEqual(await ids(quakes, { "geometry.coordinates": { $lt: -175 } }), west);
    const moved = await quakes.updateMany(
      { "properties.type": "earthquake" },
      { $mul: { "geometry.coordinates.$[deep]": 2 } },
      { arrayFilters: [{ deep: { $gt: 300 } }] },
    );
    assert.equal(moved.matchedCount, rows.filter((q) => q.properties.type === "earthquake").length);
  }),
);
