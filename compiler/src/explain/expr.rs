//! Expressions as documents: constants under `$const`, arguments spelt out. Variables, which the IR numbers, are shown
//! by number.

use smongo_vm::func::{Args, Role};
use smongo_vm::value::{ArrayWriter, DocWriter, Value};

use crate::ir::expr::EnvVar;
use crate::ir::{CompareOp, Expr, Variable};

type Doc<'w> = DocWriter<'w, Vec<u8>>;

/// Writes an expression as the field `name`.
pub(super) fn write(expr: &Expr, name: &str, doc: &mut Doc<'_>) {
    match text(expr) {
        Some(text) => doc.string(name, &text),
        None => match expr {
            Expr::Const(value) => doc.document(name, |doc| doc.value("$const", value.get())),
            Expr::Array(items) => doc.array(name, |list| items.iter().for_each(|item| element(item, list))),
            other => doc.document(name, |doc| operator(other, doc)),
        },
    }
}

fn element(expr: &Expr, list: &mut ArrayWriter<'_, Vec<u8>>) {
    match text(expr) {
        Some(text) => list.value(Value::string(&text)),
        None => match expr {
            Expr::Const(value) => list.document(|doc| doc.value("$const", value.get())),
            Expr::Array(items) => list.array(|list| items.iter().for_each(|item| element(item, list))),
            other => list.document(|doc| operator(other, doc)),
        },
    }
}

/// What is written as a string: fields and variables.
fn text(expr: &Expr) -> Option<String> {
    Some(match expr {
        Expr::Const(value) if value.get().is_nothing() => "$$REMOVE".into(),
        Expr::Absent => "$$REMOVE".into(),
        Expr::Root => "$$ROOT".into(),
        Expr::Field(path) => format!("${path}"),
        Expr::Variable(variable) => format!("$${}", name_of(*variable)),
        Expr::Env(EnvVar::Now) => "$$NOW".into(),
        Expr::Env(EnvVar::ClusterTime) => "$$CLUSTER_TIME".into(),
        Expr::Env(EnvVar::Let(n)) => format!("$$let{n}"),
        Expr::Walk(from, path) => format!("{}.{path}", text(from)?),
        _ => return None,
    })
}

fn name_of(variable: Variable) -> String {
    format!("v{}", variable.0)
}

fn list(doc: &mut Doc<'_>, name: &str, parts: &[&Expr]) {
    doc.array(name, |list| parts.iter().for_each(|part| element(part, list)));
}

/// Writes what stands inside the braces of an operator.
fn operator(expr: &Expr, doc: &mut Doc<'_>) {
    match expr {
        Expr::Const(_) | Expr::Absent | Expr::Root | Expr::Field(_) | Expr::Variable(_) | Expr::Env(_) => {
            write(expr, "$let", doc);
        }
        Expr::Array(_) => write(expr, "$array", doc),
        Expr::Walk(from, path) => doc.document("$getField", |doc| {
            doc.string("field", &path.to_string());
            write(from, "input", doc);
        }),
        Expr::Call { function, args, on_error } => match &function.args {
            Args::Named { params, .. } | Args::PlainOrNamed { params, .. } => doc.document(function.name, |doc| {
                let named = params.iter().filter(|param| param.role == Role::Argument);
                for (param, arg) in named.zip(args).filter(|(_, arg)| !matches!(arg, Expr::Absent)) {
                    write(arg, param.name, doc);
                }
                if let Some(on_error) = on_error {
                    write(on_error, "onError", doc);
                }
            }),
            _ => list(doc, function.name, &args.iter().collect::<Vec<_>>()),
        },
        Expr::Compare(op, left, right) => {
            let name = match op {
                CompareOp::Eq => "$eq",
                CompareOp::Ne => "$ne",
                CompareOp::Lt => "$lt",
                CompareOp::Lte => "$lte",
                CompareOp::Gt => "$gt",
                CompareOp::Gte => "$gte",
                CompareOp::Cmp => "$cmp",
            };
            list(doc, name, &[left, right]);
        }
        Expr::And(parts) => list(doc, "$and", &parts.iter().collect::<Vec<_>>()),
        Expr::Or(parts) => list(doc, "$or", &parts.iter().collect::<Vec<_>>()),
        Expr::Not(part) => list(doc, "$not", &[part]),
        Expr::Cond { condition, then, otherwise } => list(doc, "$cond", &[condition, then, otherwise]),
        Expr::Switch { branches, default } => doc.document("$switch", |doc| {
            doc.array("branches", |list| {
                for (case, then) in branches {
                    list.document(|doc| {
                        write(case, "case", doc);
                        write(then, "then", doc);
                    });
                }
            });
            if let Some(default) = default {
                write(default, "default", doc);
            }
        }),
        Expr::IfNull(parts) => list(doc, "$ifNull", &parts.iter().collect::<Vec<_>>()),
        Expr::Let { bindings, body } => doc.document("$let", |doc| {
            doc.document("vars", |vars| {
                bindings.iter().for_each(|(variable, value)| write(value, &name_of(*variable), vars));
            });
            write(body, "in", doc);
        }),
        Expr::Map { input, element, index, body } => doc.document("$map", |doc| {
            each(doc, input, *element, *index);
            write(body, "in", doc);
        }),
        Expr::Filter { input, element, index, condition, limit } => doc.document("$filter", |doc| {
            each(doc, input, *element, *index);
            write(condition, "cond", doc);
            if let Some(limit) = limit {
                write(limit, "limit", doc);
            }
        }),
        Expr::Reduce { input, initial, accumulator, element, index, body } => doc.document("$reduce", |doc| {
            each(doc, input, *element, *index);
            doc.string("valueAs", &name_of(*accumulator));
            write(initial, "initialValue", doc);
            write(body, "in", doc);
        }),
        Expr::Document(fields) => fields.iter().for_each(|(name, value)| write(value, name, doc)),
    }
}

fn each(doc: &mut Doc<'_>, input: &Expr, element: Variable, index: Option<Variable>) {
    write(input, "input", doc);
    doc.string("as", &name_of(element));
    if let Some(index) = index {
        doc.string("arrayIndexAs", &name_of(index));
    }
}
