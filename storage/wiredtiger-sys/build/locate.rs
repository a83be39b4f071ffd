//! A WiredTiger that is already on the machine.

use crate::{Library, compile};
use std::path::Path;

/// The oldest version whose structures the bindings describe, and the first one that they do not.
const VERSION_MIN: &str = "11.3.0";
const VERSION_END: &str = "11.4";

pub fn from_prefix(prefix: &Path) -> Result<Library, String> {
    let header = prefix.join("include/wiredtiger.h");
    let text = std::fs::read_to_string(&header)
        .map_err(|error| format!("WIREDTIGER_DIR is set, but {} cannot be read: {error}", header.display()))?;
    check_version(&text).map_err(|error| format!("{}: {error}", header.display()))?;

    let lib_dir = prefix.join("lib");
    let kind = if lib_dir.join("libwiredtiger.a").exists() {
        "static"
    } else if lib_dir.join("libwiredtiger.so").exists() {
        "dylib"
    } else {
        return Err(format!("WIREDTIGER_DIR is set, but {} has no libwiredtiger.a or .so", lib_dir.display()));
    };
    println!("cargo:rustc-link-search=native={}", lib_dir.display());
    println!("cargo:rustc-link-lib={kind}=wiredtiger");
    for system_library in ["pthread", "dl", "rt", "m"] {
        println!("cargo:rustc-link-lib={system_library}");
    }
    Ok(Library { include_dirs: vec![prefix.join("include")], has_open_hook: compile::has_open_hook(prefix) })
}

pub fn from_pkg_config() -> Option<Library> {
    let found = pkg_config::Config::new().range_version(VERSION_MIN..VERSION_END).probe("wiredtiger").ok()?;
    Some(Library { include_dirs: found.include_paths, has_open_hook: false })
}

/// The bindings describe one minor version; another one has other structures.
fn check_version(header: &str) -> Result<(), String> {
    let number = |name: &str| -> Option<u32> {
        let line = header.lines().find(|line| line.starts_with("#define") && line.contains(name))?;
        line.split_whitespace().nth(2)?.parse().ok()
    };
    match (number("WIREDTIGER_VERSION_MAJOR"), number("WIREDTIGER_VERSION_MINOR")) {
        (Some(11), Some(3)) => Ok(()),
        (Some(major), Some(minor)) => Err(format!("version {major}.{minor} found, 11.3 needed")),
        _ => Err("no version found".to_string()),
    }
}
