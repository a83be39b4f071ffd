//! Update operators over raw documents.
//!
//! An update is compiled to an [`UpdateTree`]: the paths it names, merged into a trie whose leaves are operators. The
//! operators' arguments stand beside the tree in one vector, so that a cached plan serves other constants.
//! [`apply`] walks the old document once with the tree and writes the new one; byte ranges that no path touches are
//! copied as they are. The trie decides how deep the walk goes, so a deeply nested document costs no stack.
//!
//! Each operator has a file of its own: what it does to a value that is there, and what it makes where there is none.
//! Nothing here knows how updates are spelled (the compiler's `front/update` does), nor records or indexes.
//!
//! ```
//! use smongo_vm::update::{self, Arg, NoPredicates, Operator, UpdateContext, UpdateTree};
//! use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Value};
//!
//! let mut tree = UpdateTree::builder();
//! tree.add("a.b", Operator::Inc { by: Arg(0) }, |_| None)?;
//! let args = [OwnedValue::new(Value::int32(2))];
//!
//! let mut predicates = NoPredicates;
//! let mut context = UpdateContext::new(&mut predicates);
//! let mut out = Vec::new();
//! let outcome = update::apply(&tree.finish(), &args, RawDoc::EMPTY, &mut context, &mut out)?;
//! assert!(outcome.modified);
//! let a = DocBuf::from_vec(out).and_then(|doc| doc.get("a").map(|a| a.as_doc().map(|a| a.get("b").is_some())));
//! assert_eq!(a, Some(Some(true)));
//! # Ok::<(), smongo_vm::Error>(())
//! ```

mod add_to_set;
mod apply;
mod bit;
mod context;
mod current_date;
mod diff;
mod element;
mod inc;
mod max;
mod min;
mod mul;
mod number;
mod operator;
mod place;
mod pop;
mod pull;
mod pull_all;
mod push;
mod rename;
mod replace;
mod set;
mod set_on_insert;
mod text;
mod tree;
mod unset;

pub use apply::apply;
pub use bit::BitOperation;
pub use context::{NoPredicates, Outcome, Predicates, UpdateContext};
pub use current_date::DateKind;
pub use diff::{Touched, apply_diff, diff, diff_along};
pub use operator::{Arg, Operator};
pub use pop::End;
pub use pull::{PULLED_VALUE, PullCondition};
pub use push::{Push, PushSort, SortField};
pub use replace::{check_pipeline_result, replace};
pub use text::describe;
pub use tree::{TreeBuilder, UpdateTree};
