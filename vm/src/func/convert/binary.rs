//! Conversions between binary data and text.

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

use super::conversion_failure;
use crate::error::{Error, Result};
use crate::func::build;
use crate::func::display::hex;

/// The subtype of UUIDs.
pub(super) const UUID: u8 = 4;

/// How binary data is written as text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    /// `uuid` for UUIDs, `base64` for the rest; only from binary data to text.
    Auto,
    Base64,
    Base64Url,
    Utf8,
    Hex,
    Uuid,
}

impl Format {
    pub(super) fn parse(text: &str) -> Option<Format> {
        Some(match text {
            "auto" => Format::Auto,
            "base64" => Format::Base64,
            "base64url" => Format::Base64Url,
            "utf8" => Format::Utf8,
            "hex" => Format::Hex,
            "uuid" => Format::Uuid,
            _ => return None,
        })
    }
}

/// Reads base64url with and without padding.
const URL_SAFE_LENIENT: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, NO_PAD_LENIENT);
const NO_PAD_LENIENT: GeneralPurposeConfig = NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Binary data as text, unless the text would be longer than a string may be.
pub(super) fn to_text(subtype: u8, bytes: &[u8], format: Format) -> Result<String> {
    let text = as_text(subtype, bytes, format)?;
    match build::check_string(text.len()) {
        Ok(()) => Ok(text),
        Err(error) => Err(conversion_failure(format!(
            "Failed to convert BinData in $convert with no onError value: {}",
            error.message()
        ))),
    }
}

fn as_text(subtype: u8, bytes: &[u8], format: Format) -> Result<String> {
    match format {
        Format::Auto if subtype == UUID => as_text(subtype, bytes, Format::Uuid),
        Format::Auto | Format::Base64 => Ok(STANDARD.encode(bytes)),
        Format::Base64Url => Ok(URL_SAFE_NO_PAD.encode(bytes)),
        Format::Hex => Ok(hex(bytes, true)),
        Format::Utf8 => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(failure(bytes, "BinData does not represent a valid UTF-8 string")),
        },
        Format::Uuid if subtype != UUID => Err(failure(bytes, ONLY_UUID)),
        Format::Uuid => match <&[u8; 16]>::try_from(bytes) {
            Ok(uuid) => Ok(uuid_text(uuid)),
            Err(_) => Err(failure(bytes, "BinData does not represent a valid UUID")),
        },
    }
}

/// A UUID in its usual form.
fn uuid_text(uuid: &[u8; 16]) -> String {
    let digits = hex(uuid, false);
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]).join("-")
}

const ONLY_UUID: &str = "Only the UUID subtype (4) is allowed with the 'uuid' format";

fn failure(bytes: &[u8], reason: &str) -> Error {
    conversion_failure(format!(
        "Failed to convert BinData '{}' in $convert with no onError value: {reason}",
        hex(bytes, true)
    ))
}

/// The binary data a text denotes.
pub(super) fn from_text(text: &str, subtype: u8, format: Format) -> Result<Vec<u8>> {
    let bytes = match format {
        Format::Uuid if subtype != UUID => Err(ONLY_UUID),
        Format::Uuid => uuid_bytes(text).ok_or("Input is not a valid UUID string."),
        _ if subtype == UUID => Err("Only the 'uuid' format is allowed with the UUID subtype"),
        Format::Base64 => STANDARD.decode(text).map_err(|_| "Input is not a valid base64 string."),
        Format::Base64Url => URL_SAFE_LENIENT.decode(text).map_err(|_| "Input is not a valid base64url string."),
        Format::Hex => hex_bytes(text).ok_or("Input is not a valid hex string."),
        Format::Utf8 => Ok(text.as_bytes().to_vec()),
        Format::Auto => Err("Format 'auto' is not allowed when converting to BinData"),
    };
    bytes.map_err(|reason| {
        conversion_failure(format!("Failed to parse BinData '{text}' in $convert with no onError value: {reason}"))
    })
}

/// Pairs of hexadecimal digits.
pub(super) fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|char| char.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn uuid_bytes(text: &str) -> Option<Vec<u8>> {
    let is_dash = |index: usize| matches!(index, 8 | 13 | 18 | 23);
    let shaped = text.len() == 36 && text.bytes().enumerate().all(|(index, byte)| (byte == b'-') == is_dash(index));
    shaped.then(|| hex_bytes(&text.replace('-', "")))?
}
