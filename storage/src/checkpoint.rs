//! Checkpoints: the state from which recovery starts. WiredTiger takes them by itself at the engine's interval.

use crate::engine::Engine;
use crate::error::Result;

impl Engine {
    /// Writes everything committed to the tables' files, so that recovery has nothing to replay. A database in memory
    /// has none to write.
    pub fn checkpoint(&self) -> Result<()> {
        if self.path().is_none() {
            return Ok(());
        }
        self.session()?.inner().raw().checkpoint()
    }
}
