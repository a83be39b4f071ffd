//! Block compression with the `snap` and `zstd` crates, in the format of WiredTiger's own extensions of these names:
//! the length of the compressed bytes as a little-endian `u64`, then these bytes. WiredTiger pads blocks, so the length
//! cannot be derived from what it hands back.
//!
//! The compressors are registered while a connection opens, before recovery: `wiredtiger-sys` describes the hook.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::slice;
use std::sync::Once;
use wiredtiger_sys as wt;

/// The bytes before the compressed data.
const PREFIX_BYTES: usize = size_of::<u64>();

/// zstd's level: its default, the best ratio for which decompression stays as fast as at level 1.
const ZSTD_LEVEL: i32 = 3;

/// A compression algorithm over plain slices.
trait Codec {
    /// The most bytes that `source_len` bytes can become.
    fn bound(source_len: usize) -> usize;
    /// Compresses into `target`; `None` if it does not fit.
    fn compress(source: &[u8], target: &mut [u8]) -> Option<usize>;
    /// Decompresses into `target`; `None` if the data is damaged.
    fn decompress(source: &[u8], target: &mut [u8]) -> Option<usize>;
}

struct Snappy;

impl Codec for Snappy {
    fn bound(source_len: usize) -> usize {
        snap::raw::max_compress_len(source_len)
    }

    fn compress(source: &[u8], target: &mut [u8]) -> Option<usize> {
        snap::raw::Encoder::new().compress(source, target).ok()
    }

    fn decompress(source: &[u8], target: &mut [u8]) -> Option<usize> {
        snap::raw::Decoder::new().decompress(source, target).ok()
    }
}

struct Zstd;

impl Codec for Zstd {
    fn bound(source_len: usize) -> usize {
        zstd::zstd_safe::compress_bound(source_len)
    }

    fn compress(source: &[u8], target: &mut [u8]) -> Option<usize> {
        zstd::bulk::Compressor::new(ZSTD_LEVEL).ok()?.compress_to_buffer(source, target).ok()
    }

    fn decompress(source: &[u8], target: &mut [u8]) -> Option<usize> {
        zstd::bulk::Decompressor::new().ok()?.decompress_to_buffer(source, target).ok()
    }
}

/// Makes every connection opened from now on know the compressors.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: the hook may be called from any thread at any time, and it lives as long as the program.
        unsafe { wt::wiredtiger_sys_set_open_hook(Some(register)) };
    });
}

/// The setting that makes a WiredTiger which does not know the hook call it. It looks the symbol up in the running
/// program, which must therefore be linked with `-rdynamic`.
pub(crate) fn extension_config() -> &'static str {
    /// Keeps the linker from dropping the symbol.
    #[used]
    static ENTRY: unsafe extern "C" fn(*mut wt::WT_CONNECTION, *mut wt::WT_CONFIG_ARG) -> c_int =
        wt::wiredtiger_sys_extension;

    if wt::HAS_OPEN_HOOK { "" } else { ",extensions=[local={entry=wiredtiger_sys_extension,early_load=true}]" }
}

unsafe extern "C" fn register(conn: *mut wt::WT_CONNECTION, _config: *mut wt::WT_CONFIG_ARG) -> c_int {
    for (name, compressor) in [(c"snappy", compressor::<Snappy>()), (c"zstd", compressor::<Zstd>())] {
        let compressor = Box::into_raw(Box::new(compressor));
        // SAFETY: WiredTiger passes an open connection. It owns the compressor until it calls `terminate`.
        let code = unsafe { call!(conn, add_compressor, name.as_ptr(), compressor, ptr::null()) };
        if code != 0 {
            // SAFETY: the connection did not take the compressor, which came from Box::into_raw.
            drop(unsafe { Box::from_raw(compressor) });
            return code;
        }
    }
    0
}

fn compressor<C: Codec>() -> wt::WT_COMPRESSOR {
    wt::WT_COMPRESSOR {
        compress: Some(compress::<C>),
        decompress: Some(decompress::<C>),
        pre_size: Some(pre_size::<C>),
        terminate: Some(terminate),
    }
}

unsafe extern "C" fn compress<C: Codec>(
    _compressor: *mut wt::WT_COMPRESSOR,
    _session: *mut wt::WT_SESSION,
    source: *mut u8,
    source_len: usize,
    target: *mut u8,
    target_len: usize,
    result_len: *mut usize,
    compression_failed: *mut c_int,
) -> c_int {
    // SAFETY: WiredTiger passes buffers of the stated lengths that do not overlap.
    let (source, target) =
        unsafe { (slice::from_raw_parts(source, source_len), slice::from_raw_parts_mut(target, target_len)) };
    let written = compress_block::<C>(source, target);
    // SAFETY: both out pointers are valid.
    unsafe {
        *result_len = written.unwrap_or(0);
        *compression_failed = c_int::from(written.is_none());
    }
    0
}

/// Compresses a block behind its prefix. `None` if nothing would be saved; WiredTiger then stores the block as it is.
fn compress_block<C: Codec>(source: &[u8], target: &mut [u8]) -> Option<usize> {
    let (prefix, data) = target.split_first_chunk_mut::<PREFIX_BYTES>()?;
    let written = no_unwind(|| C::compress(source, data))?;
    *prefix = u64::try_from(written).ok()?.to_le_bytes();
    let total = written + PREFIX_BYTES;
    (total < source.len()).then_some(total)
}

unsafe extern "C" fn decompress<C: Codec>(
    _compressor: *mut wt::WT_COMPRESSOR,
    _session: *mut wt::WT_SESSION,
    source: *mut u8,
    source_len: usize,
    target: *mut u8,
    target_len: usize,
    result_len: *mut usize,
) -> c_int {
    // SAFETY: WiredTiger passes buffers of the stated lengths that do not overlap.
    let (source, target) =
        unsafe { (slice::from_raw_parts(source, source_len), slice::from_raw_parts_mut(target, target_len)) };
    match decompress_block::<C>(source, target) {
        Some(written) => {
            // SAFETY: the out pointer is valid.
            unsafe { *result_len = written };
            0
        }
        None => wt::WT_ERROR,
    }
}

/// Decompresses a block behind its prefix. `None` if it is damaged.
fn decompress_block<C: Codec>(source: &[u8], target: &mut [u8]) -> Option<usize> {
    let (prefix, padded) = source.split_first_chunk::<PREFIX_BYTES>()?;
    let data = padded.get(..usize::try_from(u64::from_le_bytes(*prefix)).ok()?)?;
    no_unwind(|| C::decompress(data, target))
}

unsafe extern "C" fn pre_size<C: Codec>(
    _compressor: *mut wt::WT_COMPRESSOR,
    _session: *mut wt::WT_SESSION,
    _source: *mut u8,
    source_len: usize,
    result_len: *mut usize,
) -> c_int {
    // SAFETY: the out pointer is valid.
    unsafe { *result_len = C::bound(source_len) + PREFIX_BYTES };
    0
}

unsafe extern "C" fn terminate(compressor: *mut wt::WT_COMPRESSOR, _session: *mut wt::WT_SESSION) -> c_int {
    // SAFETY: the pointer came from Box::into_raw in `register`, and WiredTiger calls `terminate` once, at the end.
    drop(unsafe { Box::from_raw(compressor) });
    0
}

/// Runs a codec; a panic becomes a failure, because it must not unwind into C.
fn no_unwind(run: impl FnOnce() -> Option<usize>) -> Option<usize> {
    catch_unwind(AssertUnwindSafe(run)).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<C: Codec>() {
        let source: Vec<u8> = (0..20_000u32).flat_map(|i| (i / 100).to_le_bytes()).collect();
        let mut packed = vec![0; C::bound(source.len()) + PREFIX_BYTES];
        let len = compress_block::<C>(&source, &mut packed).expect("compressible");
        assert!(len < source.len() / 4);

        // WiredTiger hands back padded blocks.
        packed.truncate(len);
        packed.resize(len.next_multiple_of(4096), 0);
        let mut unpacked = vec![0; source.len()];
        assert_eq!(decompress_block::<C>(&packed, &mut unpacked), Some(source.len()));
        assert_eq!(unpacked, source);

        assert_eq!(decompress_block::<C>(&packed[..7], &mut unpacked), None, "no whole prefix");
        assert_eq!(decompress_block::<C>(&[0xff; 64], &mut unpacked), None, "the prefix is longer than the block");
        assert_eq!(decompress_block::<C>(&packed, &mut [0; 10]), None, "no room");
        assert_eq!(compress_block::<C>(b"ab", &mut [0; 100]), None, "nothing to save");
        assert_eq!(compress_block::<C>(&source, &mut [0; 4]), None, "no room for the prefix");
    }

    #[test]
    fn snappy_round_trip() {
        round_trip::<Snappy>();
    }

    #[test]
    fn zstd_round_trip() {
        round_trip::<Zstd>();
    }
}
