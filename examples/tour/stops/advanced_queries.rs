//! Filters that look into arrays, patterns, expressions, and strings compared as people do.

use smongo::bson::{Document, doc};
use smongo::options::{Collation, CollationStrength};
use smongo::{Client, Result};

pub fn run(client: &Client) -> Result<()> {
    let pupils = client.database("school").collection::<Document>("pupils");
    let pupil = |name: &str, marks: [i32; 3]| {
        doc! { "name": name, "marks": [
            { "in": "maths", "mark": marks[0] }, { "in": "music", "mark": marks[1] }, { "in": "sport", "mark": marks[2] },
        ] }
    };
    pupils.insert_many([pupil("Zoë", [1, 2, 3]), pupil("zoe", [3, 1, 1]), pupil("Max", [5, 4, 2])]).run()?;
    let names = |filter: Document| -> Result<Vec<String>> {
        let found = pupils.find(filter).sort(doc! { "_id": 1 }).run()?;
        found.map(|pupil| Ok(pupil?.get_str("name").unwrap_or_default().to_owned())).collect()
    };

    // One element that meets both conditions, not two that meet one each.
    let good_at_maths = doc! { "marks": { "$elemMatch": { "in": "maths", "mark": { "$lte": 2 } } } };
    assert_eq!(names(good_at_maths)?, ["Zoë"]);
    assert_eq!(names(doc! { "name": { "$regex": "^z", "$options": "i" } })?, ["Zoë", "zoe"]);
    let worse_than_three = doc! { "$expr": { "$gt": [{ "$avg": "$marks.mark" }, 3] } };
    assert_eq!(names(worse_than_three)?, ["Max"]);
    let schema = doc! { "$jsonSchema": { "properties": { "name": { "maxLength": 3, "pattern": "^[A-Z]" } } } };
    assert_eq!(names(schema)?, ["Zoë", "Max"]);

    // Neither accents nor case.
    let alike = Collation::builder().locale("en").strength(CollationStrength::Primary).build();
    assert_eq!(pupils.count_documents(doc! { "name": "ZOE" }).collation(alike).run()?, 2);

    // Changing the elements that a condition names.
    let update = doc! { "$inc": { "marks.$[bad].mark": -1 } };
    pupils.update_many(doc! {}, update).array_filters([doc! { "bad.mark": { "$gte": 4 } }]).run()?;
    let max = pupils.find_one(doc! { "name": "Max" }).projection(doc! { "_id": 0, "marks.mark": 1 }).run()?;
    println!("Max after some practice: {}", max.unwrap_or_default());
    Ok(())
}
