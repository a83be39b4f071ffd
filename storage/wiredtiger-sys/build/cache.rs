//! The per-user folder that keeps the source release and the compiled libraries, shared by all checkouts.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The cache folder, created if need be.
pub fn folder() -> Result<PathBuf, String> {
    let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = named("SMONGO_CACHE_DIR")
        .or_else(|| named("XDG_CACHE_HOME").map(|base| base.join("smongo")))
        .or_else(|| named("HOME").map(|home| home.join(".cache/smongo")))
        .ok_or("no cache folder: set SMONGO_CACHE_DIR to a writable folder")?;
    fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    Ok(folder)
}

/// Held while something is added to the cache, so that builds which run at the same time do the work once.
/// The lock goes with the file, also when the process dies.
pub struct Lock {
    _file: File,
}

pub fn lock(folder: &Path) -> Result<Lock, String> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(|error| format!("cannot create {}: {error}", path.display()))?;
    file.lock().map_err(|error| format!("cannot lock {}: {error}", path.display()))?;
    Ok(Lock { _file: file })
}

/// A fresh folder inside the cache in which something is prepared before a rename makes it visible.
pub fn scratch_folder(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let path = folder.join(format!("{name}.partial"));
    if path.exists() {
        fs::remove_dir_all(&path).map_err(|error| format!("cannot remove {}: {error}", path.display()))?;
    }
    fs::create_dir_all(&path).map_err(|error| format!("cannot create {}: {error}", path.display()))?;
    Ok(path)
}
