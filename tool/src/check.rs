//! `smongo check`: looks for damage with `validate`, every document and every index key.

use bson::{Bson, Document, doc};
use smongo::Client;

use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::target::{self, Missing};

/// Checks the collections, tells of each, and fails when one is damaged.
pub fn run(args: &CheckArgs, output: &Output) -> Result<(), Failure> {
    let client = target::open(&args.target.target, Missing::Refuse)?;
    let mut damaged = 0_u32;
    let collections = collections(&client, args.db.as_deref(), args.collection.as_deref())?;
    let progress = output.progress("checking", Some(collections.len() as u64), false);
    for (db, coll) in collections {
        progress.set_message(format!("{db}.{coll}"));
        let command = doc! { "validate": &coll, "full": true, "repair": args.repair };
        let result = client.database(&db).run_command(command).run()?;
        let valid = result.get_bool("valid").unwrap_or(false);
        damaged += u32::from(!valid);
        progress.suspend(|| tell(&format!("{db}.{coll}"), valid, &result, output))?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    match damaged {
        0 => Ok(()),
        1 => Err(Failure::Data("1 collection is damaged".into())),
        count => Err(Failure::Data(format!("{count} collections are damaged"))),
    }
}

fn tell(ns: &str, valid: bool, result: &Document, output: &Output) -> Result<(), Failure> {
    let list = |name: &str| result.get_array(name).cloned().unwrap_or_default();
    let (errors, warnings) = (list("errors"), list("warnings"));
    let json = doc! {
        "ns": ns,
        "valid": valid,
        "repaired": result.get_bool("repaired").unwrap_or(false),
        "records": result.get("nrecords").cloned().unwrap_or(Bson::Int32(0)),
        "indexes": result.get("nIndexes").cloned().unwrap_or(Bson::Int32(0)),
        "errors": errors.clone(),
        "warnings": warnings.clone(),
    };
    output.result(&json, || {
        let state = if valid { "good" } else { "DAMAGED" };
        let number = |name: &str| json.get(name).map_or(0, crate::shell::whole);
        let mut text = format!("{state:8} {ns:40} {} documents, {} indexes", number("records"), number("indexes"));
        for (kind, lines) in [("error", &errors), ("warning", &warnings)] {
            for line in lines {
                text.push_str(&format!("\n         {kind}: {}", line.as_str().unwrap_or_default()));
            }
        }
        text
    })
}

/// The collections that are meant, views left out.
pub fn collections(client: &Client, db: Option<&str>, coll: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
    let databases = match db {
        Some(db) => vec![db.to_owned()],
        None => client.list_database_names().run()?,
    };
    let mut found = Vec::new();
    for db in databases {
        let filter = match coll {
            Some(name) => doc! { "name": name, "type": "collection" },
            None => doc! { "type": "collection" },
        };
        let command = doc! { "listCollections": 1, "filter": filter, "nameOnly": true };
        for entry in client.database(&db).run_cursor_command(command).run()? {
            found.push((db.clone(), entry?.get_str("name").unwrap_or_default().to_owned()));
        }
    }
    match coll {
        Some(coll) if found.is_empty() => Err(Failure::Data(format!("there is no collection '{coll}'"))),
        _ => Ok(found),
    }
}
