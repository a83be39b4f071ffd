/*
 * What the header in use says about the structures and constants that the Rust bindings declare: one table, read by
 * tests/layout.rs.
 */
#include <stddef.h>
#include <wiredtiger.h>

struct layout_row {
    const char *name;
    long value;
};

#define SIZE(type) {"sizeof " #type, (long)sizeof(type)}
#define FIELD(type, field) {#type "." #field, (long)offsetof(type, field)}
#define CONSTANT(name) {#name, (long)(name)}

const struct layout_row wiredtiger_sys_layout[] = {
    SIZE(WT_ITEM), FIELD(WT_ITEM, data), FIELD(WT_ITEM, size), FIELD(WT_ITEM, mem), FIELD(WT_ITEM, memsize),
    SIZE(WT_CURSOR), FIELD(WT_CURSOR, session), FIELD(WT_CURSOR, uri), FIELD(WT_CURSOR, get_key),
    FIELD(WT_CURSOR, get_value), FIELD(WT_CURSOR, set_key), FIELD(WT_CURSOR, set_value), FIELD(WT_CURSOR, next),
    FIELD(WT_CURSOR, prev), FIELD(WT_CURSOR, reset), FIELD(WT_CURSOR, search), FIELD(WT_CURSOR, search_near),
    FIELD(WT_CURSOR, insert), FIELD(WT_CURSOR, update), FIELD(WT_CURSOR, remove), FIELD(WT_CURSOR, close),
    FIELD(WT_CURSOR, largest_key), FIELD(WT_CURSOR, bound), FIELD(WT_CURSOR, flags),
    SIZE(WT_SESSION), FIELD(WT_SESSION, connection), FIELD(WT_SESSION, close), FIELD(WT_SESSION, open_cursor),
    FIELD(WT_SESSION, create), FIELD(WT_SESSION, drop), FIELD(WT_SESSION, rename), FIELD(WT_SESSION, compact),
    FIELD(WT_SESSION, log_flush), FIELD(WT_SESSION, begin_transaction), FIELD(WT_SESSION, commit_transaction),
    FIELD(WT_SESSION, rollback_transaction), FIELD(WT_SESSION, checkpoint),
    FIELD(WT_SESSION, get_rollback_reason),
    SIZE(WT_CONNECTION), FIELD(WT_CONNECTION, close), FIELD(WT_CONNECTION, open_session),
    FIELD(WT_CONNECTION, add_compressor), FIELD(WT_CONNECTION, get_home),
    SIZE(WT_COMPRESSOR), FIELD(WT_COMPRESSOR, compress), FIELD(WT_COMPRESSOR, decompress),
    FIELD(WT_COMPRESSOR, pre_size), FIELD(WT_COMPRESSOR, terminate),
    SIZE(WT_EVENT_HANDLER), FIELD(WT_EVENT_HANDLER, handle_error), FIELD(WT_EVENT_HANDLER, handle_message),
    FIELD(WT_EVENT_HANDLER, handle_progress), FIELD(WT_EVENT_HANDLER, handle_close),
    FIELD(WT_EVENT_HANDLER, handle_general),
    CONSTANT(WT_ROLLBACK), CONSTANT(WT_DUPLICATE_KEY), CONSTANT(WT_ERROR), CONSTANT(WT_NOTFOUND), CONSTANT(WT_PANIC),
    CONSTANT(WT_RUN_RECOVERY), CONSTANT(WT_CACHE_FULL), CONSTANT(WT_PREPARE_CONFLICT), CONSTANT(WT_TRY_SALVAGE),
    CONSTANT(WT_STAT_CONN_CACHE_BYTES_INUSE), CONSTANT(WT_STAT_CONN_CACHE_BYTES_MAX),
    CONSTANT(WT_STAT_CONN_CACHE_BYTES_DIRTY), CONSTANT(WT_STAT_CONN_CACHE_READ), CONSTANT(WT_STAT_CONN_CACHE_WRITE),
    CONSTANT(WT_STAT_CONN_LOG_SYNC), CONSTANT(WT_STAT_CONN_LOG_WRITES), CONSTANT(WT_STAT_CONN_LOG_BYTES_WRITTEN),
    CONSTANT(WT_STAT_CONN_TXN_COMMIT), CONSTANT(WT_STAT_CONN_TXN_ROLLBACK), CONSTANT(WT_STAT_DSRC_BLOCK_SIZE),
    CONSTANT(WT_STAT_DSRC_BLOCK_REUSE_BYTES),
    CONSTANT(WT_STAT_DSRC_CACHE_BYTES_INUSE),
    {NULL, 0},
};
