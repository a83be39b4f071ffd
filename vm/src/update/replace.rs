//! Whole documents in place of old ones: replacement updates, and what update pipelines compute.

use crate::code::Code;
use crate::error::{Error, Result};
use crate::limits::MAX_UPDATED_DEPTH;
use crate::value::{DocWriter, RawDoc, Value, equal};

use super::apply::{check_id, check_size, dollar_prefixed, levels_below, too_deep};
use super::context::Outcome;
use super::text::describe_field;

/// Writes `replacement`, with the `_id` of the stored document `old` in front, to the end of `out`. Another `_id` in
/// the replacement is an error, and so is a name with a dollar sign at its top level; an upsert, which may insert such
/// names, uses [`check_pipeline_result`] over the document that the filter gives.
pub fn replace(old: &RawDoc, replacement: &RawDoc, out: &mut Vec<u8>) -> Result<Outcome> {
    if let Some(element) = replacement.iter().find(|element| element.name().first() == Some(&b'$')) {
        return Err(dollar_prefixed(element.name_str()));
    }
    check_pipeline_result(old, replacement, out)
}

/// Writes `new`, which an update pipeline made of `old`, to the end of `out`. An `_id` that got lost comes back, one
/// that moved returns to the front, one that changed is an error; where `old` has none, `new` may bring one.
pub fn check_pipeline_result(old: &RawDoc, new: &RawDoc, out: &mut Vec<u8>) -> Result<Outcome> {
    let (old_id, new_id) = (old.get("_id"), new.get("_id"));
    if let (Some(old_id), Some(new_id)) = (old_id, new_id)
        && !equal(old_id, new_id)
    {
        return Err(Error::new(
            Code::IMMUTABLE_FIELD,
            format!(
                "After applying the update, the (immutable) field '_id' was found to have been altered to {}",
                describe_field("_id", new_id)
            ),
        ));
    }
    if let (None, Some(new_id)) = (old_id, new_id) {
        check_id(new_id)?;
    }
    if levels_below(Value::document(new)) > MAX_UPDATED_DEPTH {
        return Err(too_deep());
    }
    let start = out.len();
    let mut writer = DocWriter::new(out);
    if let Some(id) = old_id.or(new_id) {
        writer.value("_id", id);
    }
    for element in new.iter().filter(|element| element.name() != b"_id") {
        writer.raw_element(element.raw());
    }
    writer.finish();
    check_size(out.len() - start)?;
    Ok(Outcome { modified: out[start..] != *old.as_bytes() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::extjson::{parse_doc, to_string_relaxed};

    #[test]
    fn the_id_is_kept_and_leads() {
        for (old, new, expected) in [
            ("{_id: 1, a: 1}", "{b: 2}", Ok((r#"{"_id":1,"b":2}"#, true))),
            ("{_id: 1, a: 1}", "{b: 2, _id: 1}", Ok((r#"{"_id":1,"b":2}"#, true))),
            ("{_id: 1, a: 1}", "{_id: 1.0, a: 1}", Ok((r#"{"_id":1,"a":1}"#, false))),
            ("{_id: 1, a: 1}", "{_id: 2}", Err(66)),
            ("{}", "{a: 1, _id: 2}", Ok((r#"{"_id":2,"a":1}"#, true))),
            ("{}", "{_id: [1]}", Err(53)),
            ("{_id: 1}", "{a: 1, $b: 1}", Err(52)),
        ] {
            let (old, new) = (parse_doc(old).unwrap(), parse_doc(new).unwrap());
            let mut out = vec![1, 2, 3];
            let result = replace(&old, &new, &mut out).map_err(|error| error.code().0);
            let written = RawDoc::from_bytes(&out[3..]).map(|doc| to_string_relaxed(Value::document(doc)));
            let result = result.map(|outcome| (written.unwrap(), outcome.modified));
            assert_eq!(result, expected.map(|(doc, modified)| (doc.to_owned(), modified)));
        }
    }
}
