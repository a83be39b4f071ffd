//! Columns: from the cells of a line to a document.

use bson::{Bson, Document};

use super::types::{ColumnType, auto};
use crate::cli::Grace;
use crate::failure::Failure;

/// The columns of a table.
#[derive(Debug)]
pub struct Columns {
    columns: Vec<(Vec<String>, ColumnType)>,
    ignore_blanks: bool,
    grace: Grace,
}

impl Columns {
    /// The columns with these names, which may carry types.
    pub fn new<'n>(
        names: impl IntoIterator<Item = &'n str>,
        typed: bool,
        ignore_blanks: bool,
        grace: Grace,
    ) -> Result<Self, Failure> {
        let column = |name: &str| -> Result<_, Failure> {
            let (name, kind) =
                if typed { ColumnType::of_column(name)? } else { (name.trim().to_owned(), ColumnType::Auto) };
            if name.is_empty() || name.split('.').any(str::is_empty) {
                return Err(Failure::Usage(format!("'{name}' is no name for a column")));
            }
            Ok((name.split('.').map(str::to_owned).collect(), kind))
        };
        let columns = names.into_iter().map(column).collect::<Result<Vec<(Vec<String>, _)>, _>>()?;
        for (at, (path, _)) in columns.iter().enumerate() {
            let clash = |(other, _): &&(Vec<String>, ColumnType)| other.starts_with(path) || path.starts_with(other);
            if columns[at + 1..].iter().any(|other| clash(&other)) {
                return Err(Failure::Usage(format!("the column '{}' is in the way of another", path.join("."))));
            }
        }
        Ok(Self { columns, ignore_blanks, grace })
    }

    /// The document of a line; `None` where it is to be left out. Cells beyond the columns get names of their own, as with
    /// mongoimport: `field3`.
    pub fn document<'c>(&self, cells: impl Iterator<Item = &'c str>, line: u64) -> Result<Option<Document>, Failure> {
        let mut document = Document::new();
        for (at, cell) in cells.enumerate() {
            if cell.is_empty() && self.ignore_blanks {
                continue;
            }
            let Some((path, kind)) = self.columns.get(at) else {
                document.insert(format!("field{at}"), auto(cell));
                continue;
            };
            let value = match (kind.value(cell), self.grace) {
                (Some(value), _) => value,
                (None, Grace::AutoCast) => auto(cell),
                (None, Grace::SkipField) => continue,
                (None, Grace::SkipRow) => return Ok(None),
                (None, Grace::Stop) => {
                    let message = format!("line {line}: '{cell}' is not of the type of column '{}'", path.join("."));
                    return Err(Failure::Data(message));
                }
            };
            put(&mut document, path, value);
        }
        Ok(Some(document))
    }
}

/// Puts a value at a path, with the embedded documents that it needs.
fn put(document: &mut Document, path: &[String], value: Bson) {
    match path {
        [] => {}
        [name] => {
            document.insert(name, value);
        }
        [name, rest @ ..] => {
            // Columns do not stand in each other's way, so what is there is a document.
            let mut inner = match document.remove(name) {
                Some(Bson::Document(inner)) => inner,
                _ => Document::new(),
            };
            put(&mut inner, rest, value);
            document.insert(name, inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn cells_become_fields() {
        let columns = Columns::new(["a", "b.c", "b.d"], false, false, Grace::Stop).unwrap();
        let document = columns.document(["1", "x", "", "9"].into_iter(), 2).unwrap().unwrap();
        assert_eq!(document, doc! { "a": 1, "b": { "c": "x", "d": "" }, "field3": 9 });
        let columns = Columns::new(["a", "b"], false, true, Grace::Stop).unwrap();
        assert_eq!(columns.document(["", "2"].into_iter(), 2).unwrap(), Some(doc! { "b": 2 }));
    }

    #[test]
    fn cells_that_do_not_fit() {
        let read = |grace| {
            let columns = Columns::new(["a.int32()", "b.string()"], true, false, grace).unwrap();
            columns.document(["x", "y"].into_iter(), 7)
        };
        assert!(read(Grace::Stop).unwrap_err().to_string().contains("line 7: 'x'"));
        assert_eq!(read(Grace::SkipRow).unwrap(), None);
        assert_eq!(read(Grace::SkipField).unwrap(), Some(doc! { "b": "y" }));
        assert_eq!(read(Grace::AutoCast).unwrap(), Some(doc! { "a": "x", "b": "y" }));
    }

    #[test]
    fn columns_in_the_way_of_each_other() {
        assert!(Columns::new(["a", "a.b"], false, false, Grace::Stop).is_err());
        assert!(Columns::new(["a", "a"], false, false, Grace::Stop).is_err());
        assert!(Columns::new([""], false, false, Grace::Stop).is_err());
    }
}
