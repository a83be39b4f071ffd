//! Projections and per-document stages: computed fields into registers, then one instruction that reshapes.

use smongo_vm::Result;
use smongo_vm::op::{Op, Reg};
use smongo_vm::program::{Action, Kind, Program, Projection as Code, ProjectionNode};

use super::{Codegen, Strings, filter};
use crate::ir::{DocumentStage, Expr, FieldAction, FieldTree, Projection};

/// The program of a projection.
pub fn compile_projection(projection: &Projection, strings: Strings<'_>) -> Result<Program> {
    let mut codegen = Codegen::new(Kind::Compute, strings);
    let result = codegen.builder.register()?;
    codegen.project(projection, result)?;
    codegen.builder.emit(Op::Return { src: result.src() });
    codegen.finish()
}

/// Whether an expression cannot fail and has one value for a document, however often it is evaluated.
fn is_settled(expr: &Expr) -> bool {
    match expr {
        Expr::Const(_) | Expr::Root | Expr::Field(_) | Expr::Env(_) | Expr::Absent => true,
        Expr::Walk(inner, _) | Expr::Not(inner) => is_settled(inner),
        Expr::Compare(_, left, right) => is_settled(left) && is_settled(right),
        Expr::And(parts) | Expr::Or(parts) | Expr::IfNull(parts) | Expr::Array(parts) => parts.iter().all(is_settled),
        Expr::Cond { condition, then, otherwise } => {
            [condition, then, otherwise].into_iter().all(|part| is_settled(part))
        }
        Expr::Document(fields) => fields.iter().all(|(_, value)| is_settled(value)),
        // A variable stands where the operator is that binds it, which is not settled itself.
        Expr::Variable(_)
        | Expr::Call { .. }
        | Expr::Switch { .. }
        | Expr::Let { .. }
        | Expr::Map { .. }
        | Expr::Filter { .. }
        | Expr::Reduce { .. } => false,
    }
}

impl Codegen {
    /// The current document, projected, in `dst`.
    fn project(&mut self, projection: &Projection, dst: Reg) -> Result<()> {
        let mark = self.builder.mark();
        let root = self.node(&projection.tree, true)?;
        let id = self.builder.projection(Code { kind: projection.kind, root })?;
        self.builder.emit(Op::Root { dst: dst.dst() });
        self.builder.emit(Op::Project { dst: dst.dst(), src: dst.src(), projection: id });
        self.builder.release(mark);
        Ok(())
    }

    /// One level. What is computed at the top is computed once, before anything is written; below, where there may be
    /// arrays, so is what has the same value every time.
    fn node(&mut self, tree: &FieldTree, is_top: bool) -> Result<ProjectionNode> {
        let mut node = ProjectionNode::default();
        for (name, action) in &tree.fields {
            let action = match action {
                FieldAction::Keep => Action::Keep,
                FieldAction::Drop => Action::Drop,
                FieldAction::Compute(expr) if !is_top && !is_settled(expr) => {
                    let program = super::compile_expr(expr, self.collation.as_ref())?;
                    Action::ComputeEach(self.add_program(program)?)
                }
                FieldAction::Compute(expr) => {
                    let register = self.builder.register()?;
                    self.value(expr, register)?;
                    Action::Compute(register.src())
                }
                FieldAction::Nested(inner) => Action::Nested(self.node(inner, false)?),
                FieldAction::Slice { skip, limit } => Action::Slice { skip: *skip, limit: *limit },
                FieldAction::ElemMatch { filter, on_fields } => {
                    let program = self.add_program(filter::sub_program(filter, self.collation.as_ref())?)?;
                    Action::ElemMatch { program, on_fields: *on_fields }
                }
                FieldAction::Positional => Action::Positional,
            };
            node.push(name, action);
        }
        Ok(node)
    }

    /// Stages one after another, each over the document the one before made; the last one's is in `dst`.
    pub(super) fn stages(&mut self, stages: &[DocumentStage], dst: Reg) -> Result<()> {
        let Some((last, first)) = stages.split_last() else {
            self.builder.emit(Op::Root { dst: dst.dst() });
            return Ok(());
        };
        for stage in first {
            self.stage(stage, dst)?;
            self.builder.emit(Op::Rebase { src: dst.src() });
        }
        self.stage(last, dst)
    }

    /// The document that a stage makes of the current one, in `dst`.
    pub(super) fn stage(&mut self, stage: &DocumentStage, dst: Reg) -> Result<()> {
        match stage {
            DocumentStage::Project(projection) => self.project(projection, dst),
            DocumentStage::ReplaceRoot(expr) => {
                self.value(expr, dst)?;
                self.builder.emit(Op::NeedDocument { src: dst.src() });
                Ok(())
            }
        }
    }
}
