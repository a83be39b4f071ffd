#!/bin/sh
# Writes src/bindings.rs anew from a wiredtiger.h. Needs bindgen-cli (0.73) and libclang; building the crate needs neither.
#   ./regenerate-bindings.sh <prefix>/include/wiredtiger.h
# The build script leaves such a header in its cache folder, below wiredtiger-<version>-<target>-<hash>/include.
set -eu
header=${1:?usage: regenerate-bindings.sh path/to/wiredtiger.h}
bindgen "$header" \
  --no-doc-comments --no-layout-tests --no-recursive-allowlist --use-core --ctypes-prefix core::ffi --rust-target 1.82 \
  --allowlist-type '(WT|__wt)_(connection|session|cursor|cursor__.*|item|compressor|event_handler|CONNECTION|SESSION|CURSOR|ITEM|COMPRESSOR|EVENT_HANDLER|EVENT_TYPE|TS_TXN_TYPE)' \
  --allowlist-function 'wiredtiger_(open|strerror|version)' \
  --allowlist-var 'WT_(ROLLBACK|DUPLICATE_KEY|ERROR|NOTFOUND|PANIC|RESTART|RUN_RECOVERY|CACHE_FULL|PREPARE_CONFLICT|TRY_SALVAGE)' \
  --allowlist-var 'WT_STAT_CONN_(CACHE_BYTES_(INUSE|MAX|DIRTY)|CACHE_READ|CACHE_WRITE|LOG_(SYNC|WRITES|FLUSH|BYTES_WRITTEN)|TXN_(COMMIT|ROLLBACK))' \
  --allowlist-var 'WT_STAT_DSRC_(BLOCK_SIZE|CACHE_BYTES_INUSE)' \
  --raw-line 'use crate::opaque::*;' \
  --output "$(dirname "$0")/src/bindings.rs"
