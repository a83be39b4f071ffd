//! Hashes of values: `$hash $hexHash $toHashedIndexKey`.

use md5::{Digest, Md5};
use sha2::Sha256;
use xxhash_rust::xxh64::xxh64;

use super::row::row;
use super::{Args, Context, Fault, Function, Param, build, display};
use crate::algo::hashed_key::hashed_key;
use crate::error::{Error, Result};
use crate::value::{Value, View};

/// `{input, algorithm}`.
const INPUT_AND_ALGORITHM: Args = Args::Named {
    params: &[
        Param::required("input", Fault::new(40414, "BSON field '{op}.input' is missing but a required field")),
        Param::required("algorithm", Fault::new(40414, "BSON field '{op}.algorithm' is missing but a required field")),
    ],
    not_a_document: Fault::new(10065, "{op} expects an object of named arguments but found: {type}"),
    unknown: Fault::new(40415, "BSON field '{op}.{name}' is an unknown field."),
};

/// The rows.
pub static FUNCTIONS: &[Function] = &[
    row!(
        "$hash",
        INPUT_AND_ALGORITHM,
        "The hash of a string or binary data by \"md5\", \"sha256\" or \"xxh64\", as binary data.",
        [(
            "{a: 'hello'}",
            "{$hash: {input: '$a', algorithm: 'xxh64'}}",
            "{$binary: {base64: 'JseCfYifbaM=', subType: '00'}}"
        )],
        hash
    ),
    row!(
        "$hexHash",
        INPUT_AND_ALGORITHM,
        "The hash of a string or binary data by \"md5\", \"sha256\" or \"xxh64\", in hexadecimal.",
        [("{a: 'hello'}", "{$hexHash: {input: '$a', algorithm: 'md5'}}", "'5D41402ABC4B2A76B9719D911017C592'")],
        hex_hash
    ),
    row!(
        "$toHashedIndexKey",
        Args::Exactly(1),
        "The hash under which a hashed index files a value, as a long.",
        [("{a: 123}", "{$toHashedIndexKey: '$a'}", "{$numberLong: '-6548868637522515075'}")],
        to_hashed_index_key
    ),
];

fn to_hashed_index_key<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(Value::int64(hashed_key(args[0])))
}

fn hash<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let digest = digest("$hash", args)?;
    Ok(digest.map_or(Value::NULL, |bytes| build::binary(ctx.arena, 0, &bytes)))
}

fn hex_hash<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let digest = digest("$hexHash", args)?;
    Ok(digest.map_or(Value::NULL, |bytes| build::string(ctx.arena, display::hex(&bytes, true).as_bytes())))
}

/// `None` of a null or missing input.
fn digest(operator: &str, args: &[Value<'_>]) -> Result<Option<Vec<u8>>> {
    let algorithm: fn(&[u8]) -> Vec<u8> = match args[1].as_str() {
        Some("md5") => |bytes| Md5::digest(bytes).to_vec(),
        Some("sha256") => |bytes| Sha256::digest(bytes).to_vec(),
        Some("xxh64") => |bytes| xxh64(bytes, 0).to_be_bytes().to_vec(),
        _ => {
            return Err(Error::bad_value(format!(
                "{operator} requires 'algorithm' to be \"md5\", \"sha256\" or \"xxh64\""
            )));
        }
    };
    match args[0].view() {
        View::String(bytes) | View::Binary { bytes, .. } => Ok(Some(algorithm(bytes))),
        View::Nothing | View::Null | View::Undefined => Ok(None),
        _ => {
            let found = args[0].tag().name();
            Err(Error::type_mismatch(format!("{operator} requires a string or BinData input, found: {found}")))
        }
    }
}
