//! Programs written for MongoDB's driver, compiled twice: with the driver's import and with ours. They do what the
//! driver's README and MongoDB's quick start and CRUD pages for Rust show, and both run against the same server.

mod with_the_driver {
    use mongodb as driver;

    include!("driver_examples.in");
}

mod with_smongo {
    use smongo as driver;

    include!("driver_examples.in");
}

use crate::served;

#[test]
fn the_import_is_all_that_changes() {
    let (_client, _served, uri) = served();
    with_the_driver::all(&uri).unwrap();
    with_smongo::all(&uri).unwrap();
    with_smongo::all("local://:memory:").unwrap();
    let dir = tempfile::tempdir().unwrap();
    with_smongo::all(&format!("local://{}", dir.path().display())).unwrap();
}
