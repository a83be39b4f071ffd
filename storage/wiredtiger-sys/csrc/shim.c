/*
 * The one hook through which Rust reaches a connection while wiredtiger_open is still running, before recovery reads
 * any table. Compressors must be registered then: a table written with a compressor that is registered only after the
 * open cannot be recovered.
 *
 * WiredTiger calls <name>_extension_init for every extension built into it. The library that the build script compiles
 * has exactly one such extension enabled, "zstd", and this file is that extension. A library from elsewhere does not
 * call it; there wiredtiger_sys_extension can be named in the "extensions" setting of wiredtiger_open, if the program
 * exports its symbols (-rdynamic).
 */
#include <stddef.h>
#include <wiredtiger.h>

struct __wt_config_arg;
typedef int (*open_hook)(WT_CONNECTION *, struct __wt_config_arg *);

static open_hook hook;

void wiredtiger_sys_set_open_hook(open_hook new_hook);
int wiredtiger_sys_extension(WT_CONNECTION *conn, struct __wt_config_arg *config);
int zstd_extension_init(WT_CONNECTION *conn, struct __wt_config_arg *config);

void wiredtiger_sys_set_open_hook(open_hook new_hook)
{
    __atomic_store_n(&hook, new_hook, __ATOMIC_RELEASE);
}

__attribute__((visibility("default"))) int
wiredtiger_sys_extension(WT_CONNECTION *conn, struct __wt_config_arg *config)
{
    open_hook current = __atomic_load_n(&hook, __ATOMIC_ACQUIRE);
    return current == NULL ? 0 : current(conn, config);
}

#ifdef WIREDTIGER_SYS_BUILTIN
int zstd_extension_init(WT_CONNECTION *conn, struct __wt_config_arg *config)
{
    return wiredtiger_sys_extension(conn, config);
}
#endif
