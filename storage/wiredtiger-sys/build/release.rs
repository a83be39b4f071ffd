//! The official source release: fetched through the machine's `pip`, so that its index settings and proxies hold, and
//! checked against a pinned hash before it is used.

use crate::cache;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

pub const VERSION: &str = "11.3.1";
const FILE_NAME: &str = "wiredtiger-11.3.1.tar.gz";
const SHA256: &str = "95052d1b6fc06921dd617aafa1ba2a773d8dbbbf2eb74f77147290a630e598d0";

/// Unpacks the release below `target` and returns the folder that holds `dist/filelist`.
/// The caller holds the cache's lock.
pub fn unpack(cache_folder: &Path, target: &Path) -> Result<PathBuf, String> {
    let archive = cached_archive(cache_folder)?;
    let file = File::open(&archive).map_err(|error| format!("cannot open {}: {error}", archive.display()))?;
    tar::Archive::new(GzDecoder::new(file))
        .unpack(target)
        .map_err(|error| format!("cannot unpack {}: {error}", archive.display()))?;
    let root = target.join(FILE_NAME.trim_end_matches(".tar.gz"));
    if root.join("dist/filelist").is_file() {
        Ok(root)
    } else {
        Err(format!("{} does not hold dist/filelist", archive.display()))
    }
}

fn cached_archive(cache_folder: &Path) -> Result<PathBuf, String> {
    let archive = cache_folder.join(FILE_NAME);
    if archive.exists() {
        check_hash(&archive)?;
        return Ok(archive);
    }
    let scratch = cache::scratch_folder(cache_folder, "download")?;
    let outcome = download(&scratch).and_then(|()| {
        let downloaded = scratch.join(FILE_NAME);
        check_hash(&downloaded)?;
        fs::rename(&downloaded, &archive).map_err(|error| format!("cannot move {}: {error}", downloaded.display()))
    });
    // Whatever is left in the scratch folder is replaced by the next download; failing to remove it does no harm.
    let _ = fs::remove_dir_all(&scratch);
    match outcome {
        Ok(()) => Ok(archive),
        Err(reason) => Err(format!(
            "WiredTiger 11.3 is not on this machine and its source release could not be fetched.\n\
             Provide one of these:\n\
             - WIREDTIGER_DIR: a prefix with include/wiredtiger.h and lib/libwiredtiger.a or .so, version 11.3;\n\
             - a WiredTiger 11.3 that pkg-config knows;\n\
             - the file {FILE_NAME} (the `wiredtiger` source distribution of the Python package index,\n  \
               SHA-256 {SHA256}) in {};\n\
             - python3 with pip and a network.\n\
             What went wrong: {reason}",
            cache_folder.display()
        )),
    }
}

/// Lets pip fetch the release. pip insists on running the package's metadata step after it has checked the hash; that
/// step needs neither cmake nor swig.
fn download(folder: &Path) -> Result<(), String> {
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, format!("wiredtiger=={VERSION} --hash=sha256:{SHA256}\n"))
        .map_err(|error| format!("cannot write {}: {error}", requirements.display()))?;
    let output = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "wiredtiger", "--require-hashes"])
        .arg("--requirement")
        .arg(&requirements)
        .arg("--dest")
        .arg(folder)
        .output()
        .map_err(|error| format!("cannot run python3: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("pip download failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

fn check_hash(archive: &Path) -> Result<(), String> {
    let bytes = fs::read(archive).map_err(|error| format!("cannot read {}: {error}", archive.display()))?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found == SHA256 {
        Ok(())
    } else {
        Err(format!("{} has SHA-256 {found}, expected {SHA256}; remove it", archive.display()))
    }
}
