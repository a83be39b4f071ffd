//! Raw FFI to WiredTiger 11.3: the C structures and functions that `smongo-storage` uses, nothing safe, nothing else.
//!
//! **Where the library comes from.** The build script takes, in this order, the prefix named by `WIREDTIGER_DIR`
//! (`include/wiredtiger.h`, `lib/libwiredtiger.{a,so}`), a library of version 11.3 known to `pkg-config`, or the
//! official source release, which it fetches once through `pip`, checks against a pinned SHA-256, compiles with the
//! machine's C compiler and keeps in a per-user cache (`SMONGO_CACHE_DIR`, else `XDG_CACHE_HOME/smongo`, else
//! `~/.cache/smongo`). A machine without a network can be given the release's file in that cache.
//!
//! **Bindings.** `src/bindings.rs` is generated, committed, and made anew by `regenerate-bindings.sh`. WiredTiger's
//! structures change between releases; `tests/layout.rs` compares the bindings with the header that the build used.
//!
//! **The open hook.** [`wiredtiger_sys_set_open_hook`] names a function that runs inside [`wiredtiger_open`] before
//! recovery, the only moment at which a compressor can be registered in time. `csrc/shim.c` says how. It needs nothing
//! from the program when the build script compiled the library; with another library, programs must export their symbols
//! (`RUSTFLAGS="-C link-arg=-rdynamic"`), see [`HAS_OPEN_HOOK`].

#![allow(missing_docs, reason = "the C header documents these items")]
#![no_std]

#[allow(
    non_camel_case_types,
    non_upper_case_globals,
    unused_qualifications,
    clippy::undocumented_unsafe_blocks,
    reason = "generated code"
)]
mod bindings;
mod opaque;

pub use bindings::*;
pub use opaque::*;

/// A function called with each connection while [`wiredtiger_open`] is still running. Returns 0 or an error code.
pub type OpenHook = unsafe extern "C" fn(*mut WT_CONNECTION, *mut WT_CONFIG_ARG) -> core::ffi::c_int;

/// Whether [`wiredtiger_open`] calls the open hook by itself. It does in the library which the build script compiles;
/// for any other library `wiredtiger_sys_extension` must be named in the `extensions` setting.
pub const HAS_OPEN_HOOK: bool = cfg!(wiredtiger_open_hook);

unsafe extern "C" {
    /// Sets the function that every later [`wiredtiger_open`] of this process calls before recovery.
    pub fn wiredtiger_sys_set_open_hook(hook: Option<OpenHook>);

    /// The extension entry point which calls the open hook.
    pub fn wiredtiger_sys_extension(conn: *mut WT_CONNECTION, config: *mut WT_CONFIG_ARG) -> core::ffi::c_int;
}
