//! Results that are read as they are needed, documents as bytes, and files of any size.

use std::io::{Read, Write};

use smongo::bson::{Document, RawDocumentBuf, doc};
use smongo::{Client, Result};

pub fn run(client: &Client) -> Result<()> {
    let db = client.database("library");
    let lines = db.collection::<Document>("lines");
    lines.insert_many((0..10_000).map(|n| doc! { "n": n, "text": format!("line {n}") })).run()?;

    // Nothing is read that is not asked for: the cursor is dropped after three documents.
    let first: Vec<i32> = lines
        .find(doc! {})
        .batch_size(100)
        .run()?
        .take(3)
        .map(|line| Ok(line?.get_i32("n").unwrap_or(-1)))
        .collect::<Result<_>>()?;
    assert_eq!(first, [0, 1, 2]);

    // Bytes, without making values of them.
    let mut bytes = 0;
    for line in lines.clone_with_type::<RawDocumentBuf>().find(doc! { "n": { "$gte": 9_000 } }).run()? {
        bytes += line?.as_bytes().len();
    }
    println!("a thousand documents of {bytes} bytes");

    // A file, in chunks.
    let bucket = db.gridfs_bucket(None);
    let mut upload = bucket.open_upload_stream("noise.bin").metadata(doc! { "kind": "noise" }).run()?;
    let noise: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    upload.write_all(&noise).and_then(|()| upload.close()).expect("the store takes the file");
    let mut read = Vec::new();
    let mut download = bucket.open_download_stream_by_name("noise.bin").run()?;
    download.read_to_end(&mut read).expect("the store gives the file back");
    assert_eq!(read, noise);
    println!(
        "a file of {} bytes in {} chunks",
        noise.len(),
        db.collection::<Document>("fs.chunks").estimated_document_count().run()?
    );
    Ok(())
}
