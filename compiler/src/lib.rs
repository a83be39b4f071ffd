//! MQL to verified bytecode.
//!
//! A request's filter, expression, projection or update is parsed by [`front`] into [`ir`], and turned by [`codegen`]
//! into programs that `smongo-vm` runs. Everything wrong with a request that can be known without data is found here,
//! with MongoDB's error codes. The crate must not know storage, sessions or sockets.
#![forbid(unsafe_code)]

pub mod codegen;
mod compile;
pub mod explain;
pub mod front;
pub mod ir;
#[cfg(feature = "oracle")]
pub mod oracle;
pub mod plan;
pub mod rewrite;
pub mod shape;

pub use compile::{
    CompiledBucketAuto, CompiledCall, CompiledDensify, CompiledFilter, CompiledFunction, CompiledGraphLookup,
    CompiledGroup, CompiledLookup, CompiledMerge, CompiledPipeline, CompiledProjection, CompiledSetting, CompiledStage,
    CompiledSubPipeline, CompiledUpdate, CompiledWhenMatched, CompiledWindow, Lead, ShownStage, UpdateKind,
    compile_filter, compile_pipeline, compile_projection, compile_sort, compile_update, explain_pipeline, upsert_base,
};
pub use front::context::{ParseContext, ResolvedView, Views};
pub use rewrite::Applied as RewritePass;
