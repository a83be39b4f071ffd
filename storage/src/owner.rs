//! Who has a database open: a file with the number of the process, under mongod's name for it.
//!
//! The file only tells; what keeps others out is WiredTiger's lock.

use crate::error::{Error, Result};
use std::fs;
use std::path::Path;

/// The file; mongod's has the same name and content.
const FILE: &str = "mongod.lock";

/// Notes that this process has the database open.
pub(crate) fn note(home: &Path) -> Result<()> {
    write(home, &format!("{}\n", std::process::id()))
}

/// Notes that nobody has the database open, as mongod does at an orderly end.
pub(crate) fn clear(home: &Path) -> Result<()> {
    write(home, "")
}

/// Who has the database open, in words.
pub(crate) fn describe(home: &Path) -> String {
    let text = fs::read_to_string(home.join(FILE)).unwrap_or_default();
    match text.trim().parse::<u32>() {
        Ok(pid) if pid == std::process::id() => format!("this process (pid {pid}) has it open already"),
        Ok(pid) => format!("the process with pid {pid} has it open"),
        Err(_) => "another process has it open".to_string(),
    }
}

fn write(home: &Path, text: &str) -> Result<()> {
    let file = home.join(FILE);
    fs::write(&file, text).map_err(|error| Error::io(&file.display().to_string(), &error))
}
