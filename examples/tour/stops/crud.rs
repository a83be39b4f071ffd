//! Documents of a type of your own: create, read, update, delete.

use serde::{Deserialize, Serialize};
use smongo::bson::doc;
use smongo::{Client, Result};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Planet {
    name: String,
    radius_km: i32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    moons: Vec<String>,
}

fn planet(name: &str, radius_km: i32, moons: &[&str]) -> Planet {
    Planet { name: name.into(), radius_km, moons: moons.iter().map(|moon| (*moon).into()).collect() }
}

pub fn run(client: &Client) -> Result<()> {
    let planets = client.database("space").collection::<Planet>("planets");
    planets.insert_one(planet("Earth", 6371, &["Moon"])).run()?;
    let more =
        [planet("Mars", 3390, &["Phobos", "Deimos"]), planet("Venus", 6052, &[]), planet("Jupiter", 69911, &["Io"])];
    planets.insert_many(&more).run()?;

    let small = planets.find(doc! { "radius_km": { "$lt": 10_000 } }).sort(doc! { "radius_km": -1 }).run()?;
    let names: Vec<String> = small.map(|planet| Ok(planet?.name)).collect::<Result<_>>()?;
    println!("small planets, the largest first: {}", names.join(", "));
    assert_eq!(names, ["Earth", "Venus", "Mars"]);

    let update = doc! { "$push": { "moons": { "$each": ["Europa", "Ganymede"] } } };
    let updated = planets.update_one(doc! { "name": "Jupiter" }, update).run()?;
    assert_eq!((updated.matched_count, updated.modified_count), (1, 1));
    let jupiter = planets.find_one(doc! { "moons": "Europa" }).run()?;
    assert_eq!(jupiter.map(|planet| planet.moons.len()), Some(3));

    let deleted = planets.delete_many(doc! { "moons": { "$exists": false } }).run()?;
    println!("{} planet without moons is gone", deleted.deleted_count);
    assert_eq!(planets.count_documents(doc! {}).run()?, 3);

    // What fails says why, by a code.
    planets.create_index(doc! { "name": 1 }).unique(true).run()?;
    match planets.insert_one(planet("Earth", 1, &[])).run() {
        Err(error) if error.code_name() == "DuplicateKey" => println!("there is one Earth: {}", error.message()),
        other => unreachable!("a second Earth: {other:?}"),
    }
    Ok(())
}
