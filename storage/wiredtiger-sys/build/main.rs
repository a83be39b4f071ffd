//! Finds WiredTiger, or builds it from its source release. The crate's documentation tells the order.

mod cache;
mod compile;
mod locate;
mod release;

use std::env;
use std::path::{Path, PathBuf};
use std::process::exit;

/// A usable WiredTiger.
struct Library {
    include_dirs: Vec<PathBuf>,
    /// True if `wiredtiger_open` calls the shim's hook by itself.
    has_open_hook: bool,
}

fn main() {
    for name in ["WIREDTIGER_DIR", "SMONGO_CACHE_DIR", "XDG_CACHE_HOME"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=csrc");
    println!("cargo:rustc-check-cfg=cfg(wiredtiger_open_hook)");

    let library = match find_or_build() {
        Ok(library) => library,
        Err(message) => {
            eprintln!("\nwiredtiger-sys: {message}\n");
            exit(1);
        }
    };
    if library.has_open_hook {
        println!("cargo:rustc-cfg=wiredtiger_open_hook");
    }
    compile_helpers(&library);
}

fn find_or_build() -> Result<Library, String> {
    if let Some(prefix) = env::var_os("WIREDTIGER_DIR") {
        return locate::from_prefix(Path::new(&prefix));
    }
    if let Some(library) = locate::from_pkg_config() {
        return Ok(library);
    }
    let prefix = compile::cached_build()?;
    println!("cargo:rustc-link-search=native={}", prefix.join("lib").display());
    println!("cargo:rustc-link-lib=static=wiredtiger");
    for system_library in ["pthread", "dl", "rt", "m"] {
        println!("cargo:rustc-link-lib={system_library}");
    }
    println!("cargo:rerun-if-changed={}", prefix.join("lib/libwiredtiger.a").display());
    Ok(Library { include_dirs: vec![prefix.join("include")], has_open_hook: true })
}

/// Compiles the open hook and the table which the layout test reads.
fn compile_helpers(library: &Library) {
    let mut helpers = cc::Build::new();
    helpers.files(["csrc/shim.c", "csrc/layout.c"]).includes(&library.include_dirs).flag_if_supported("-std=gnu11");
    if library.has_open_hook {
        helpers.define("WIREDTIGER_SYS_BUILTIN", "1");
    }
    helpers.compile("wiredtiger_sys_helpers");
}
