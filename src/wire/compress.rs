//! `OP_COMPRESSED`: another message inside, squeezed by one of three algorithms.
//!
//! ```text
//! +--------+-----------------+-------------------+---------------+------------------+
//! | header | original opcode | uncompressed size | compressor id | compressed bytes |
//! |   16   |        4        |         4         |       1       |                  |
//! +--------+-----------------+-------------------+---------------+------------------+
//! ```
//!
//! The size field is a claim: memory grows with what decompression really yields, and stops at the claim.

use std::io::Read;

use super::frame::{HEADER_BYTES, Header, MAX_MESSAGE_BYTES, OP_COMPRESSED};

/// Bytes between the header and the compressed bytes.
const PREFIX_BYTES: usize = 9;

/// Most bytes that one compressed byte of snappy can stand for: a three-byte copy element yields 64.
const SNAPPY_MAX_RATIO: usize = 22;

/// Largest zstd window that a message may need, as a power of two: 64 MiB, the first above the largest message.
const ZSTD_WINDOW_LOG_MAX: u32 = 26;

/// A compression algorithm of the protocol, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Compressor {
    Noop = 0,
    Snappy = 1,
    Zlib = 2,
    Zstd = 3,
}

impl Compressor {
    /// The names that the handshake negotiates, in order of preference. MongoDB's default: snappy, zstd, zlib.
    pub const NEGOTIABLE: [&'static str; 3] = ["snappy", "zstd", "zlib"];

    fn from_id(id: u8) -> Option<Self> {
        Some(match id {
            0 => Self::Noop,
            1 => Self::Snappy,
            2 => Self::Zlib,
            3 => Self::Zstd,
            _ => return None,
        })
    }
}

/// Why a compressed message cannot be opened. The connection is closed: nothing after it can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum DecompressError {
    Truncated,
    UnknownCompressor(u8),
    BadSize(i32),
    Nested,
    Corrupt,
}

impl std::fmt::Display for DecompressError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truncated => f.write_str("compressed message is too short"),
            Self::UnknownCompressor(id) => write!(f, "compressor id {id} is not supported"),
            Self::BadSize(size) => write!(f, "uncompressed size {size} is not allowed"),
            Self::Nested => f.write_str("a compressed message may not hold another one"),
            Self::Corrupt => f.write_str("compressed bytes do not decompress to their stated size"),
        }
    }
}

/// Opens the compressed message `frame` into `out`, as the complete message that it stands for. Gives the compressor,
/// which the reply uses too.
pub fn decompress(frame: &[u8], out: &mut Vec<u8>) -> Result<Compressor, DecompressError> {
    let header = Header::of(frame).ok_or(DecompressError::Truncated)?;
    let prefix: &[u8; PREFIX_BYTES] = frame[HEADER_BYTES..].first_chunk().ok_or(DecompressError::Truncated)?;
    let source = &frame[HEADER_BYTES + PREFIX_BYTES..];
    let opcode = i32::from_le_bytes([prefix[0], prefix[1], prefix[2], prefix[3]]);
    let claimed = i32::from_le_bytes([prefix[4], prefix[5], prefix[6], prefix[7]]);
    let compressor = Compressor::from_id(prefix[8]).ok_or(DecompressError::UnknownCompressor(prefix[8]))?;
    if opcode == OP_COMPRESSED {
        return Err(DecompressError::Nested);
    }
    let size = match usize::try_from(claimed) {
        Ok(size) if size <= MAX_MESSAGE_BYTES - HEADER_BYTES => size,
        _ => return Err(DecompressError::BadSize(claimed)),
    };
    out.clear();
    out.resize(HEADER_BYTES, 0);
    match compressor {
        Compressor::Noop => out.extend_from_slice(source),
        Compressor::Snappy => {
            if size > source.len().saturating_mul(SNAPPY_MAX_RATIO) {
                return Err(DecompressError::Corrupt);
            }
            out.resize(HEADER_BYTES + size, 0);
            let written = snap::raw::Decoder::new()
                .decompress(source, &mut out[HEADER_BYTES..])
                .map_err(|_| DecompressError::Corrupt)?;
            out.truncate(HEADER_BYTES + written);
        }
        Compressor::Zlib => read_bounded(flate2::read::ZlibDecoder::new(source), size, out)?,
        Compressor::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(source).map_err(|_| DecompressError::Corrupt)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| DecompressError::Corrupt)?;
            read_bounded(decoder, size, out)?;
        }
    }
    if out.len() != HEADER_BYTES + size {
        return Err(DecompressError::Corrupt);
    }
    super::frame::seal(out, header.request_id, header.response_to, opcode);
    Ok(compressor)
}

/// Reads until the end, but at most one byte more than `size`.
fn read_bounded(source: impl Read, size: usize, out: &mut Vec<u8>) -> Result<(), DecompressError> {
    source.take(size as u64 + 1).read_to_end(out).map(drop).map_err(|_| DecompressError::Corrupt)
}

/// Writes the message `frame` into `out` in compressed form. `false` when the algorithm failed, and `frame` has to be
/// sent as it is.
pub fn compress(compressor: Compressor, frame: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(header) = Header::of(frame) else { return false };
    let payload = &frame[HEADER_BYTES..];
    let Ok(size) = i32::try_from(payload.len()) else { return false };
    out.clear();
    out.resize(HEADER_BYTES, 0);
    out.extend_from_slice(&header.opcode.to_le_bytes());
    out.extend_from_slice(&size.to_le_bytes());
    out.push(compressor as u8);
    let begin = out.len();
    let written = match compressor {
        Compressor::Noop => {
            out.extend_from_slice(payload);
            true
        }
        Compressor::Snappy => {
            out.resize(begin + snap::raw::max_compress_len(payload.len()), 0);
            match snap::raw::Encoder::new().compress(payload, &mut out[begin..]) {
                Ok(written) => {
                    out.truncate(begin + written);
                    true
                }
                Err(_) => false,
            }
        }
        Compressor::Zlib => {
            flate2::read::ZlibEncoder::new(payload, flate2::Compression::default()).read_to_end(out).is_ok()
        }
        Compressor::Zstd => zstd::stream::copy_encode(payload, &mut *out, zstd::DEFAULT_COMPRESSION_LEVEL).is_ok(),
    };
    super::frame::seal(out, header.request_id, header.response_to, OP_COMPRESSED);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Compressor; 4] = [Compressor::Noop, Compressor::Snappy, Compressor::Zlib, Compressor::Zstd];

    fn message(payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; HEADER_BYTES];
        frame.extend_from_slice(payload);
        super::super::frame::seal(&mut frame, 5, 6, 2013);
        frame
    }

    #[test]
    fn round_trip() {
        for payload in [vec![], vec![1, 2, 3], vec![7; 100_000]] {
            for compressor in ALL {
                let (mut squeezed, mut opened) = (Vec::new(), Vec::new());
                assert!(compress(compressor, &message(&payload), &mut squeezed));
                assert_eq!(decompress(&squeezed, &mut opened), Ok(compressor));
                assert_eq!(opened, message(&payload));
            }
        }
    }

    #[test]
    fn a_false_size_is_refused() {
        for compressor in ALL {
            for size in [-1, 0, 99_999, 100_001, 47_000_000, i32::MAX] {
                let (mut squeezed, mut opened) = (Vec::new(), Vec::new());
                assert!(compress(compressor, &message(&[7; 100_000]), &mut squeezed));
                squeezed[20..24].copy_from_slice(&size.to_le_bytes());
                assert!(decompress(&squeezed, &mut opened).is_err(), "{compressor:?} {size}");
                assert!(opened.capacity() < 10_000_000, "{compressor:?} {size}");
            }
        }
    }

    #[test]
    fn nested_unknown_and_short_messages_are_refused() {
        let (mut squeezed, mut opened) = (Vec::new(), Vec::new());
        assert!(compress(Compressor::Noop, &message(&[1]), &mut squeezed));
        for cut in 0..squeezed.len() {
            assert!(decompress(&squeezed[..cut], &mut opened).is_err());
        }
        squeezed[24] = 9;
        assert_eq!(decompress(&squeezed, &mut opened), Err(DecompressError::UnknownCompressor(9)));
        squeezed[16..20].copy_from_slice(&OP_COMPRESSED.to_le_bytes());
        squeezed[24] = 0;
        assert_eq!(decompress(&squeezed, &mut opened), Err(DecompressError::Nested));
    }
}
