//! Which fields of a document an expression, a filter or a stage reads, by their names on the first level.

use std::collections::BTreeSet;

use smongo_vm::program::ProjectionKind;
use smongo_vm::value::FieldPath;

use crate::ir::group::{AccumulatorCall, Argument, GroupField};
use crate::ir::pipeline::{Stage, Unwind};
use crate::ir::{DocumentStage, Expr, FieldAction, FieldTree, Filter, FilterPath};

/// A set of fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    /// The whole document, or nobody knows.
    All,
    /// These.
    Named(BTreeSet<String>),
}

impl Fields {
    /// No field.
    pub fn none() -> Self {
        Fields::Named(BTreeSet::new())
    }

    /// Whether a field may be among them.
    pub fn may_hold(&self, name: &str) -> bool {
        match self {
            Fields::All => true,
            Fields::Named(names) => names.contains(name),
        }
    }

    fn add(&mut self, path: &FieldPath) {
        if let Some(first) = path.components().first() {
            self.add_name(first.name());
        }
    }

    fn add_name(&mut self, name: &str) {
        if let Fields::Named(names) = self {
            names.insert(name.to_owned());
        }
    }

    /// Adds what an expression reads.
    pub fn add_expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Const(_) | Expr::Variable(_) | Expr::Env(_) | Expr::Absent => {}
            Expr::Root => *self = Fields::All,
            Expr::Field(path) => self.add(path),
            Expr::Walk(from, _) | Expr::Not(from) => self.add_expr(from),
            Expr::Call { args, on_error, .. } => {
                self.add_all(args);
                self.add_option(on_error);
            }
            Expr::Compare(_, left, right) => {
                self.add_expr(left);
                self.add_expr(right);
            }
            Expr::And(parts) | Expr::Or(parts) | Expr::IfNull(parts) | Expr::Array(parts) => self.add_all(parts),
            Expr::Cond { condition, then, otherwise } => {
                [condition, then, otherwise].into_iter().for_each(|part| self.add_expr(part));
            }
            Expr::Switch { branches, default } => {
                for (condition, value) in branches {
                    self.add_expr(condition);
                    self.add_expr(value);
                }
                self.add_option(default);
            }
            Expr::Let { bindings, body } => {
                bindings.iter().for_each(|(_, value)| self.add_expr(value));
                self.add_expr(body);
            }
            Expr::Map { input, body, .. } => {
                self.add_expr(input);
                self.add_expr(body);
            }
            Expr::Filter { input, condition, limit, .. } => {
                self.add_expr(input);
                self.add_expr(condition);
                self.add_option(limit);
            }
            Expr::Reduce { input, initial, body, .. } => {
                [input, initial, body].into_iter().for_each(|part| self.add_expr(part));
            }
            Expr::Document(fields) => fields.iter().for_each(|(_, value)| self.add_expr(value)),
        }
    }

    fn add_all(&mut self, exprs: &[Expr]) {
        exprs.iter().for_each(|expr| self.add_expr(expr));
    }

    fn add_option(&mut self, expr: &Option<Box<Expr>>) {
        if let Some(expr) = expr {
            self.add_expr(expr);
        }
    }

    /// Adds what a filter reads.
    pub fn add_filter(&mut self, filter: &Filter) {
        match filter {
            Filter::Always(_) | Filter::SampleRate(_) => {}
            Filter::And(parts) | Filter::Or(parts) | Filter::Nor(parts) | Filter::ExactlyOne(parts) => {
                parts.iter().for_each(|part| self.add_filter(part));
            }
            Filter::Not(part) => self.add_filter(part),
            Filter::Leaf { path, .. }
            | Filter::ElemMatchObject { path, .. }
            | Filter::ElemMatchValue { path, .. }
            | Filter::Document { path, .. }
            | Filter::Elements { path, .. } => self.add_filter_path(path),
            Filter::Expr(expr) => self.add_expr(expr),
            Filter::Fields { .. } => *self = Fields::All,
        }
    }

    fn add_filter_path(&mut self, path: &FilterPath) {
        match &path.path {
            Some(path) => self.add(path),
            None => *self = Fields::All,
        }
    }

    fn add_tree(&mut self, tree: &FieldTree) {
        for (name, action) in &tree.fields {
            match action {
                FieldAction::Compute(expr) => self.add_expr(expr),
                FieldAction::Nested(inner) => {
                    self.add_name(name);
                    self.add_computed(inner);
                }
                FieldAction::Drop => {}
                _ => self.add_name(name),
            }
        }
    }

    /// Adds what is computed below the first level.
    fn add_computed(&mut self, tree: &FieldTree) {
        for (_, action) in &tree.fields {
            match action {
                FieldAction::Compute(expr) => self.add_expr(expr),
                FieldAction::Nested(inner) => self.add_computed(inner),
                _ => {}
            }
        }
    }

    fn add_call(&mut self, call: &AccumulatorCall) {
        for argument in &call.args {
            match argument {
                Argument::Value(expr) => self.add_expr(expr),
                Argument::SortKey(sort) => sort.parts.iter().for_each(|(path, _)| self.add(path)),
            }
        }
    }

    fn of_group(key: &Expr, fields: &[GroupField]) -> Self {
        let mut needed = Fields::none();
        needed.add_expr(key);
        fields.iter().for_each(|field| needed.add_call(&field.call));
        needed
    }

    /// What a stage needs of its documents when the stages behind it need these fields of its results.
    pub fn before(self, stage: &Stage) -> Self {
        let mut needed = self;
        match stage {
            Stage::Match { filter, .. } => needed.add_filter(filter),
            Stage::Sort { sort, .. } => sort.parts.iter().for_each(|(path, _)| needed.add(path)),
            Stage::Limit(_) | Stage::Skip(_) | Stage::Sample(_) => {}
            Stage::Unwind(Unwind { path, index, .. }) => {
                needed.add(path);
                index.iter().for_each(|index| needed.add(index));
            }
            Stage::Count(_) => return Fields::none(),
            Stage::Group(group) => return Fields::of_group(&group.key, &group.fields),
            Stage::BucketAuto(buckets) => return Fields::of_group(&buckets.key, &buckets.fields),
            Stage::Document(DocumentStage::ReplaceRoot(expr)) => {
                needed = Fields::none();
                needed.add_expr(expr);
            }
            Stage::Document(DocumentStage::Project(projection)) => match projection.kind {
                ProjectionKind::Inclusion => {
                    needed = Fields::none();
                    needed.add_tree(&projection.tree);
                }
                ProjectionKind::Exclusion => {}
                ProjectionKind::AddFields => needed.add_tree(&projection.tree),
            },
            Stage::Lookup(lookup) => {
                needed.add(&lookup.target);
                lookup.equality.iter().for_each(|(local, _)| needed.add(local));
                needed.add_all(&lookup.bindings);
            }
            _ => return Fields::All,
        }
        needed
    }
}

/// What a filter reads.
pub(crate) fn of_filter(filter: &Filter) -> Fields {
    let mut fields = Fields::none();
    fields.add_filter(filter);
    fields
}
