//! Named arguments of the operators that the function table cannot describe.

use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

/// The argument document of `operator`, or the error with this code and wording.
pub(super) fn document<'d>(value: Value<'d>, code: i32, message: impl FnOnce() -> String) -> Result<&'d RawDoc> {
    value.as_doc().ok_or_else(|| Error::location(code, message()))
}

/// The arguments called `names`, in that order; an argument outside of `names` fails with `unknown`.
pub(super) fn arguments<'d, const N: usize>(
    doc: &'d RawDoc,
    names: [&str; N],
    unknown: impl Fn(&str) -> Error,
) -> Result<[Option<Value<'d>>; N]> {
    let mut found = [None; N];
    for element in doc {
        let name = element.name_str();
        match names.iter().position(|known| *known == name) {
            Some(at) => found[at] = Some(element.value()),
            None => return Err(unknown(name)),
        }
    }
    Ok(found)
}

/// An argument that must be there.
pub(super) fn required<'d>(
    argument: Option<Value<'d>>,
    code: i32,
    message: impl FnOnce() -> String,
) -> Result<Value<'d>> {
    argument.ok_or_else(|| Error::location(code, message()))
}
