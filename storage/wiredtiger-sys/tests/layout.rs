//! The committed bindings against the header that this build used.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_long};
use std::mem::{offset_of, size_of};
use wiredtiger_sys::*;

#[repr(C)]
struct LayoutRow {
    name: *const c_char,
    value: c_long,
}

unsafe extern "C" {
    static wiredtiger_sys_layout: LayoutRow;
}

fn layout_of_the_header() -> HashMap<String, i64> {
    let mut rows = HashMap::new();
    let mut row = &raw const wiredtiger_sys_layout;
    // SAFETY: the C table ends with a row whose name is null; every other name is a string literal.
    unsafe {
        while !(*row).name.is_null() {
            let name = CStr::from_ptr((*row).name).to_str().expect("ASCII");
            rows.insert(name.to_string(), (*row).value);
            row = row.add(1);
        }
    }
    rows
}

macro_rules! expected {
    ($($type:ident { $($field:ident)* })*; constants { $($constant:ident)* }) => {
        vec![
            $(
                (concat!("sizeof ", stringify!($type)), size_of::<$type>() as i64),
                $((concat!(stringify!($type), ".", stringify!($field)), offset_of!($type, $field) as i64),)*
            )*
            $((stringify!($constant), i64::from($constant)),)*
        ]
    };
}

#[test]
fn bindings_agree_with_the_header() {
    let header = layout_of_the_header();
    let bindings = expected! {
        WT_ITEM { data size mem memsize }
        WT_CURSOR {
            session uri get_key get_value set_key set_value next prev reset search search_near insert update remove
            close largest_key bound flags
        }
        WT_SESSION {
            connection close open_cursor create drop rename compact log_flush begin_transaction commit_transaction
            rollback_transaction checkpoint get_rollback_reason
        }
        WT_CONNECTION { close open_session add_compressor get_home }
        WT_COMPRESSOR { compress decompress pre_size terminate }
        WT_EVENT_HANDLER { handle_error handle_message handle_progress handle_close handle_general };
        constants {
            WT_ROLLBACK WT_DUPLICATE_KEY WT_ERROR WT_NOTFOUND WT_PANIC WT_RUN_RECOVERY WT_CACHE_FULL
            WT_PREPARE_CONFLICT WT_TRY_SALVAGE WT_STAT_CONN_CACHE_BYTES_INUSE WT_STAT_CONN_CACHE_BYTES_MAX
            WT_STAT_CONN_CACHE_BYTES_DIRTY WT_STAT_CONN_CACHE_READ WT_STAT_CONN_CACHE_WRITE WT_STAT_CONN_LOG_SYNC
            WT_STAT_CONN_LOG_WRITES WT_STAT_CONN_LOG_BYTES_WRITTEN WT_STAT_CONN_TXN_COMMIT
            WT_STAT_CONN_TXN_ROLLBACK WT_STAT_DSRC_BLOCK_SIZE WT_STAT_DSRC_BLOCK_REUSE_BYTES
            WT_STAT_DSRC_CACHE_BYTES_INUSE
        }
    };
    assert_eq!(header.len(), bindings.len(), "the C table and this list name the same items");
    for (name, value) in bindings {
        assert_eq!(header.get(name), Some(&value), "{name}");
    }
}

#[test]
fn the_linked_library_is_the_version_of_the_bindings() {
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    // SAFETY: the three pointers are valid for writes.
    let text = unsafe { CStr::from_ptr(wiredtiger_version(&mut major, &mut minor, &mut patch)) };
    assert_eq!((major, minor), (11, 3), "{text:?} patch {patch}");
}
