//! Indexes on fields: ascending, descending, hashed; one or several; sparse and partial ones among them.

use std::sync::Arc;

use smallvec::SmallVec;
use smongo_compiler::plan::{FieldOrder, IndexDescription};
use smongo_vm::algo::hashed_key::hashed_key;
use smongo_vm::env::Env;
use smongo_vm::key::{Bound, Direction, KeyEncoder};
use smongo_vm::program::Program;
use smongo_vm::value::{Component, RawDoc, Value, index_keys_with_missing};
use smongo_vm::{Error, Result as VmResult};

use super::{KeyGenerator, KeySet};
use crate::error::Result;

/// Makes a key of each combination of the values at the index's paths.
#[derive(Debug)]
pub(super) struct FieldKeys {
    pub description: Arc<IndexDescription>,
    /// Which documents have keys at all.
    pub partial: Option<Arc<Program>>,
}

type Paths<'p> = SmallVec<[&'p [Component]; 4]>;

impl FieldKeys {
    fn encode(&self, values: &[Value<'_>], mut encoder: KeyEncoder<'_>) {
        for (value, field) in values.iter().zip(&self.description.fields) {
            let value = if value.is_nothing() { Value::NULL } else { *value };
            match field.order {
                FieldOrder::Ascending => encoder.field(value, Direction::Ascending),
                FieldOrder::Descending => encoder.field(value, Direction::Descending),
                FieldOrder::Hashed => encoder.field(Value::int64(hashed_key(value)), Direction::Ascending),
            }
        }
        encoder.finish(Bound::Equal);
    }

    /// A hash says nothing of elements, so hashed fields have none.
    fn check_hashed(&self, keys: &KeySet) -> VmResult<()> {
        let fields = self.description.fields.iter().zip(keys.arrays.as_slice());
        let refused =
            fields.into_iter().find(|(field, arrays)| field.order == FieldOrder::Hashed && !arrays.is_empty());
        match refused {
            None => Ok(()),
            Some((field, _)) => Err(Error::location(
                16766,
                format!("hashed indexes do not currently support array values. Found array at path: {}", field.path),
            )),
        }
    }
}

impl KeyGenerator for FieldKeys {
    fn keys(&self, doc: &RawDoc, keys: &mut KeySet) -> Result<()> {
        if let Some(partial) = &self.partial
            && !keys.machine.matches(partial, doc, &Env::fixed())?
        {
            return Ok(());
        }
        let paths: Paths<'_> = self.description.fields.iter().map(|field| field.path.components()).collect();
        let mut arrays = std::mem::take(&mut keys.arrays);
        let walked = index_keys_with_missing(doc, &paths, arrays.fields(), &mut |values| {
            if !(self.description.is_sparse && values.iter().all(|value| value.is_nothing())) {
                keys.push(|encoder| self.encode(values, encoder));
            }
        });
        keys.arrays = arrays;
        walked?;
        Ok(self.check_hashed(keys)?)
    }
}
