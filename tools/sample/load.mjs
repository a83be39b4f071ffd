// load.mjs URI: loads the data sets of the npm package vega-datasets into the database `sample`, each collection once.
//
// | collection    | a document is                                                                     |
// |---------------|-----------------------------------------------------------------------------------|
// | `movies`      | a film, as the file has it: field names with spaces, nulls, titles that are numbers |
// | `earthquakes` | a GeoJSON feature: nested `properties`, `geometry.coordinates`                      |
// | `airports`    | an airport in the USA, keyed by its code, with a GeoJSON `location`                 |
// | `flights`     | delay, distance and hour of one flight                                              |

import { readFile } from "node:fs/promises";
import { MongoClient } from "mongodb";

const BATCH_DOCUMENTS = 10_000;

const folder = new URL("node_modules/vega-datasets/data/", import.meta.url);
const text = (name) => readFile(new URL(name, folder), "utf8");
const json = async (name) => JSON.parse(await text(name));

/** The rows of a CSV file as objects; a quoted field may hold commas. */
function csv(source) {
  const [header, ...rows] = source
    .trim()
    .split(/\r?\n/)
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain,
      ),
    );
  return rows.map((row) => Object.fromEntries(header.map((name, at) => [name, row[at]])));
}

const collections = {
  movies: () => json("movies.json"),
  earthquakes: async () =>
    (await json("earthquakes.json")).features.map(({ id, properties, ...rest }) => ({
      _id: id,
      ...rest,
      properties: { ...properties, time: new Date(properties.time), updated: new Date(properties.updated) },
    })),
  airports: async () =>
    csv(await text("airports.csv")).map(({ iata, latitude, longitude, ...rest }) => ({
      _id: iata,
      ...rest,
      location: { type: "Point", coordinates: [Number(longitude), Number(latitude)] },
    })),
  flights: () => json("flights-200k.json"),
};

const client = new MongoClient(process.argv[2], { serverSelectionTimeoutMS: 20_000 });
try {
  await client.connect();
  const db = client.db("sample");
  for (const [name, documents] of Object.entries(collections)) {
    // A collection is filled under another name, so that one that exists is complete.
    if ((await db.listCollections({ name }, { nameOnly: true }).toArray()).length > 0) continue;
    const rows = await documents();
    const loading = db.collection(`${name}.loading`);
    await loading.drop();
    for (let at = 0; at < rows.length; at += BATCH_DOCUMENTS) {
      await loading.insertMany(rows.slice(at, at + BATCH_DOCUMENTS), { ordered: false });
    }
    await loading.rename(name);
    console.log(`sample.${name}: ${rows.length} documents loaded`);
  }
} catch (error) {
  console.error(`loading the sample data failed: ${error.message}`);
  process.exitCode = 1;
} finally {
  await client.close();
}
