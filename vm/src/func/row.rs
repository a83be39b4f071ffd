//! The shape in which families write their rows.

/// A row of a family: name, arguments, documentation, examples as (document, expression, value), evaluation. A row
/// whose result depends on more than its arguments begins with `impure`.
macro_rules! row {
    (impure $name:literal, $args:expr, $doc:literal, [$(($document:literal, $expression:literal, $value:literal)),+ $(,)?], $eval:path) => {
        $crate::func::Function { pure: false, ..row!($name, $args, $doc, [$(($document, $expression, $value)),+], $eval) }
    };
    ($name:literal, $args:expr, $doc:literal, [$(($document:literal, $expression:literal, $value:literal)),+ $(,)?], $eval:path) => {
        $crate::func::Function {
            name: $name,
            args: $args,
            pure: true,
            doc: $doc,
            examples: &[$($crate::func::Example { document: $document, expression: $expression, value: $value }),+],
            eval: $eval,
        }
    };
}

pub(crate) use row;
