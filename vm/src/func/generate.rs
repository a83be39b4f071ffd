//! Values out of nothing: `$createObjectId $createUUID $rand`. Their randomness is the environment's.

use super::row::row;
use super::{Args, Context, Function, build};
use crate::error::Result;
use crate::value::Value;

/// Binary subtype of a UUID.
const UUID_SUBTYPE: u8 = 4;

/// The rows.
pub static FUNCTIONS: &[Function] = &[
    row!(
        impure "$createObjectId",
        Args::Exactly(0),
        "A new ObjectId, written `{$createObjectId: {}}`.",
        [("{}", "{$type: {$createObjectId: {}}}", "'objectId'")],
        create_object_id
    ),
    row!(
        impure "$createUUID",
        Args::Exactly(0),
        "A new random UUID, written `{$createUUID: {}}`.",
        [("{}", "{$binarySize: {$createUUID: {}}}", "16")],
        create_uuid
    ),
    row!(
        impure "$rand",
        Args::Exactly(0),
        "A random double from 0 up to, not including, 1, written `{$rand: {}}`.",
        [("{}", "{$lt: [{$rand: {}}, 1]}", "true")],
        rand
    ),
];

fn rand<'d>(ctx: &mut Context<'_, 'd>, _args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(Value::double(ctx.env.random_unit()))
}

/// Random bytes, four to a draw.
fn random_bytes<const N: usize>(ctx: &Context<'_, '_>) -> [u8; N] {
    let mut bytes = [0; N];
    for chunk in bytes.chunks_mut(4) {
        let word = (ctx.env.random_unit() * 2f64.powi(32)) as u32;
        chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
    }
    bytes
}

fn create_object_id<'d>(ctx: &mut Context<'_, 'd>, _args: &[Value<'d>]) -> Result<Value<'d>> {
    let mut id: [u8; 12] = random_bytes(ctx);
    let seconds = (ctx.env.now_millis / 1000) as u32;
    id[..4].copy_from_slice(&seconds.to_be_bytes());
    Ok(Value::object_id(ctx.arena.alloc(id)))
}

fn create_uuid<'d>(ctx: &mut Context<'_, 'd>, _args: &[Value<'d>]) -> Result<Value<'d>> {
    let mut uuid: [u8; 16] = random_bytes(ctx);
    // RFC 9562, version 4.
    uuid[6] = uuid[6] & 0x0f | 0x40;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    Ok(build::binary(ctx.arena, UUID_SUBTYPE, &uuid))
}
