//! `"$a.b"`, `"$$variable"` and `"$$variable.a.b"`.
//!
//! A path without a variable starts at `CURRENT`, which is the whole document unless the request rebinds it.

use smongo_vm::limits::MAX_PATH_COMPONENTS;
use smongo_vm::value::{FieldPath, Value};
use smongo_vm::{Code, Error, Result};

use crate::front::context::{ParseContext, check_readable_name};
use crate::ir::Expr;

/// Parses a string that begins with a dollar sign.
pub(super) fn parse(value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let text = value.as_str().ok_or_else(|| Error::failed_to_parse("field paths must be UTF-8"))?;
    parse_path(text, ctx)
}

/// Parses a path or variable as requests write it, dollar signs included.
pub fn parse_path(text: &str, ctx: &ParseContext) -> Result<Expr> {
    let Some(rest) = text.strip_prefix('$') else {
        return Err(Error::location(16873, format!("FieldPath '{text}' doesn't start with $")));
    };
    if rest.is_empty() {
        return Err(Error::location(16872, "'$' by itself is not a valid FieldPath"));
    }
    match rest.strip_prefix('$') {
        None => Ok(walk(ctx.lookup("CURRENT")?, field_path(rest)?)),
        Some(variable) => {
            let (name, path) = match variable.split_once('.') {
                Some((name, path)) => (name, Some(path)),
                None => (variable, None),
            };
            check_readable_name(name)?;
            let start = ctx.lookup(name)?;
            match path {
                None => Ok(start.clone()),
                Some(path) => Ok(walk(start, field_path(path)?)),
            }
        }
    }
}

fn walk(start: &Expr, path: FieldPath) -> Expr {
    match start {
        Expr::Root => Expr::Field(path),
        other => Expr::Walk(Box::new(other.clone()), path),
    }
}

/// A dotted path, without dollar sign, that an expression may read.
pub fn field_path(text: &str) -> Result<FieldPath> {
    if text.ends_with('.') || text.is_empty() {
        return Err(Error::location(40353, "FieldPath must not end with a '.'."));
    }
    let mut components = 0;
    for name in text.split('.') {
        check_field_name(name)?;
        components += 1;
    }
    if components > MAX_PATH_COMPONENTS {
        return Err(Error::new(Code::OVERFLOW, "FieldPath is too long"));
    }
    Ok(FieldPath::new(text))
}

/// Fails unless `name` may be one component of a path or a field of a document literal.
pub(super) fn check_field_name(name: &str) -> Result<()> {
    let problem = if name.is_empty() {
        (15998, "FieldPath field names may not be empty strings.")
    } else if name.starts_with('$') {
        (16410, "FieldPath field names may not start with '$'. Consider using $getField or $setField.")
    } else if name.contains('\0') {
        (16411, "FieldPath field names may not contain '\\0'.")
    } else if name.contains('.') {
        (16412, "FieldPath field names may not contain '.'. Consider using $getField or $setField.")
    } else {
        return Ok(());
    };
    Err(Error::location(problem.0, problem.1))
}
