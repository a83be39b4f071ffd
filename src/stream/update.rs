//! The description of an update, from the difference that the log has.

use smongo_vm::value::{DocBuf, DocWriter, OwnedValue, RawDoc, Value};

/// One component of a path.
#[derive(Clone)]
enum Part {
    Field(String),
    Index(i32),
}

/// What an update did, path by path.
#[derive(Default)]
struct Description {
    updated: Vec<(Vec<Part>, OwnedValue)>,
    removed: Vec<Vec<Part>>,
    truncated: Vec<(Vec<Part>, Value<'static>)>,
}

/// `{updatedFields, removedFields, truncatedArrays[, disambiguatedPaths]}`, from a difference in the log's form.
pub(super) fn describe(diff: &RawDoc, with_disambiguated: bool) -> DocBuf {
    let mut description = Description::default();
    description.add_document(diff, &mut Vec::new());
    DocBuf::build(|out| description.write(out, with_disambiguated))
}

impl Description {
    /// Adds what the difference of an embedded document says. Its depth is that of the document.
    fn add_document(&mut self, diff: &RawDoc, path: &mut Vec<Part>) {
        for section in diff {
            let (name, value) = (section.name_str(), section.value());
            let Some(fields) = value.as_doc() else { continue };
            match name {
                "d" => {
                    for field in fields {
                        self.removed.push(with(path, Part::Field(field.name_str().to_owned())));
                    }
                }
                "u" | "i" => {
                    for field in fields {
                        let path = with(path, Part::Field(field.name_str().to_owned()));
                        self.updated.push((path, field.value().into()));
                    }
                }
                _ => {
                    if let Some(name) = name.strip_prefix('s') {
                        path.push(Part::Field(name.to_owned()));
                        self.add(fields, path);
                        path.pop();
                    }
                }
            }
        }
    }

    /// Adds what the difference of a document or an array says.
    fn add(&mut self, diff: &RawDoc, path: &mut Vec<Part>) {
        if diff.get("a").and_then(Value::as_bool) == Some(true) {
            self.add_array(diff, path);
        } else {
            self.add_document(diff, path);
        }
    }

    fn add_array(&mut self, diff: &RawDoc, path: &mut Vec<Part>) {
        for entry in diff {
            let (name, value) = (entry.name_str(), entry.value());
            if let (true, Some(len)) = (name == "l", value.as_integer()) {
                self.truncated.push((path.clone(), Value::integer(len)));
            }
            let index = |prefix: char| name.strip_prefix(prefix).and_then(|index| index.parse().ok()).map(Part::Index);
            if let Some(index) = index('u') {
                self.updated.push((with(path, index), value.into()));
            } else if let (Some(index), Some(inner)) = (index('s'), value.as_doc()) {
                path.push(index);
                self.add(inner, path);
                path.pop();
            }
        }
    }

    fn write(&self, out: &mut DocWriter<'_, Vec<u8>>, with_disambiguated: bool) {
        out.document("updatedFields", |fields| {
            for (path, value) in &self.updated {
                fields.value(&dotted(path), value.get());
            }
        });
        out.array("removedFields", |fields| {
            for path in &self.removed {
                fields.value(Value::string(&dotted(path)));
            }
        });
        out.array("truncatedArrays", |arrays| {
            for (path, len) in &self.truncated {
                arrays.document(|array| {
                    array.string("field", &dotted(path));
                    array.value("newSize", *len);
                });
            }
        });
        if !with_disambiguated {
            return;
        }
        out.document("disambiguatedPaths", |paths| {
            let all = self.updated.iter().map(|(path, _)| path).chain(&self.removed);
            let all = all.chain(self.truncated.iter().map(|(path, _)| path));
            for path in all.filter(|path| path.iter().any(Part::is_ambiguous)) {
                paths.array(&dotted(path), |parts| {
                    for part in path {
                        match part {
                            Part::Field(name) => parts.value(Value::string(name)),
                            Part::Index(index) => parts.value(Value::int32(*index)),
                        }
                    }
                });
            }
        });
    }
}

impl Part {
    /// Whether a dotted path would not tell what it is: a name with a dot in it, or one that looks like an index.
    fn is_ambiguous(&self) -> bool {
        match self {
            Part::Field(name) => {
                name.contains('.') || (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()))
            }
            Part::Index(_) => false,
        }
    }
}

fn with(path: &[Part], part: Part) -> Vec<Part> {
    path.iter().cloned().chain([part]).collect()
}

fn dotted(path: &[Part]) -> String {
    let text = |part: &Part| match part {
        Part::Field(name) => name.clone(),
        Part::Index(index) => index.to_string(),
    };
    path.iter().map(text).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};
    use smongo_vm::update::diff;

    use super::*;

    fn raw(doc: &Document) -> DocBuf {
        DocBuf::from_vec(bson::serialize_to_vec(doc).unwrap()).unwrap()
    }

    fn described(old: Document, new: Document) -> Document {
        let described = describe(&diff(&raw(&old), &raw(&new)), true);
        bson::deserialize_from_slice(RawDoc::as_bytes(&described)).unwrap()
    }

    /// Source: MongoDB's manual, "update Event": its fields and the examples of `disambiguatedPaths`.
    #[test]
    fn updates_are_described_path_by_path() {
        let long = "x".repeat(100);
        let got = described(
            doc! { "_id": 1, "a": 1, "b": { "c": &long, "d": 2 }, "list": [&long, "x", 3, 4], "gone": true },
            doc! { "_id": 1, "a": 2, "b": { "c": &long, "d": 3 }, "list": [&long, 9], "new": "x" },
        );
        let expected = doc! {
            "updatedFields": { "a": 2, "new": "x", "b.d": 3, "list.1": 9 },
            "removedFields": ["gone"],
            "truncatedArrays": [{ "field": "list", "newSize": 2 }],
            "disambiguatedPaths": {},
        };
        assert_eq!(got, expected);
        let home = |n: i32| doc! { "home": { "town.x": n, "5": n, "text": &long } };
        let got = described(home(1), home(2));
        let expected = doc! { "home.town.x": ["home", "town.x"], "home.5": ["home", "5"] };
        assert_eq!(got.get_document("disambiguatedPaths").unwrap(), &expected);
    }
}
