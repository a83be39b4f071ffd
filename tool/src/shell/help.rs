//! What `help` says: made of the tables of methods, so that it cannot leave one out.

use super::{collection, database};

/// How wide the text is, in characters.
const WIDTH: usize = 100;

/// The help text.
pub fn text() -> String {
    let mut text = String::from(
        "show dbs | collections | users | roles    what there is
use NAME                                  another database
db.COLLECTION.METHOD(…)                   a call on a collection; db[\"any name\"] and db.getCollection(\"any name\") too
it                                        more of the last results
exit                                      leave

Values are extended JSON: {name: /^A/i, at: ISODate(\"2024-01-01\"), n: NumberLong(5), id: ObjectId()}
",
    );
    for (title, methods) in [
        ("On a collection", collection::METHODS),
        ("After find and aggregate", collection::MODIFIERS),
        ("On db", database::METHODS),
    ] {
        text.push_str(&format!("\n{title}:\n"));
        let mut line = String::from(" ");
        for method in methods {
            if line.len() + method.len() + 1 > WIDTH {
                text.push_str(&line);
                text.push('\n');
                line = String::from(" ");
            }
            line.push(' ');
            line.push_str(method);
        }
        text.push_str(&line);
        text.push('\n');
    }
    text.trim_end().to_owned()
}
