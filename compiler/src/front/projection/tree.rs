//! Collecting dotted paths into a tree, where no path may lie on another.

use smongo_vm::{Error, Result};

use crate::ir::{FieldAction, FieldTree};

/// A tree of fields under construction.
#[derive(Default)]
pub(super) struct TreeBuilder {
    root: FieldTree,
}

impl TreeBuilder {
    /// Adds an action at a dotted path.
    pub(super) fn add(&mut self, path: &str, action: FieldAction) -> Result<()> {
        let mut level = &mut self.root;
        let mut rest = path;
        while let Some((first, after)) = rest.split_once('.') {
            if level.get_mut(first).is_none() {
                level.fields.push((first.to_owned(), FieldAction::Nested(FieldTree::default())));
            }
            match level.get_mut(first) {
                Some(FieldAction::Nested(inner)) => level = inner,
                _ => {
                    return Err(Error::location(31249, format!("Path collision at {path} remaining portion {after}")));
                }
            }
            rest = after;
        }
        if level.get_mut(rest).is_some() {
            return Err(collision(path));
        }
        level.fields.push((rest.to_owned(), action));
        Ok(())
    }

    /// Whether the top level names a field.
    pub(super) fn has(&mut self, name: &str) -> bool {
        self.root.get_mut(name).is_some()
    }

    pub(super) fn finish(self) -> FieldTree {
        self.root
    }
}

/// Two entries of a projection name one path.
pub(super) fn collision(path: &str) -> Error {
    Error::location(31250, format!("Path collision at {path}"))
}
