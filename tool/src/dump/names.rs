//! Names of collections as names of files, and patterns of namespaces.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha1::{Digest, Sha1};

/// The longest name that is not shortened, in bytes; with what stands behind it, it must be a file's.
const MAX_NAME_BYTES: usize = 238;

/// How much of a longer name stays.
const KEPT_BYTES: usize = 208;

/// A collection's name as mongodump names its files: escaped as in a URL's path, and with a hash where it is too long.
pub fn to_file_name(coll: &str) -> String {
    let mut name = String::new();
    for byte in coll.bytes() {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b'$'
            | b'&'
            | b'+'
            | b'='
            | b':'
            | b'@' => {
                name.push(char::from(byte));
            }
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    if name.len() > MAX_NAME_BYTES {
        let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha1::digest(coll.as_bytes()));
        name.truncate(KEPT_BYTES);
        name.push_str("%24");
        name.push_str(&hash);
    }
    name
}

/// The collection's name that a file's stands for; what is no escape stands for itself.
pub fn from_file_name(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name;
    while let Some((before, escape)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        match escape.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &escape[2..];
            }
            None => {
                bytes.push(b'%');
                rest = escape;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap_or_else(|_| name.to_owned())
}

/// What `*` stands for in each place, where the pattern matches.
pub fn matched<'n>(pattern: &str, name: &'n str) -> Option<Vec<&'n str>> {
    let Some((literal, rest)) = pattern.split_once('*') else { return (pattern == name).then(Vec::new) };
    let name = name.strip_prefix(literal)?;
    // The shortest match of a star first.
    name.char_indices().map(|(at, _)| at).chain([name.len()]).find_map(|at| {
        let mut found = matched(rest, &name[at..])?;
        found.insert(0, &name[..at]);
        Some(found)
    })
}

/// A pattern with what its stars stand for.
pub fn filled(pattern: &str, stars: &[&str]) -> String {
    let mut stars = stars.iter();
    pattern.split('*').enumerate().fold(String::new(), |mut name, (at, literal)| {
        if at > 0 {
            name.push_str(stars.next().unwrap_or(&"*"));
        }
        name.push_str(literal);
        name
    })
}
