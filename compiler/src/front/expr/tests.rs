//! Parsing: what requests mean and how they fail.

use smongo_vm::value::{DocBuf, Value};

use super::*;
use crate::front::context::ParseContext;

/// Parses the value that `fill` writes under the name "e".
fn parse_built(fill: impl FnOnce(&mut smongo_vm::value::DocWriter<'_, Vec<u8>>)) -> Result<Expr> {
    let doc = DocBuf::build(fill);
    parse(doc.get("e").expect("the test writes it"), &mut ParseContext::new())
}

fn path_code(text: &str) -> Option<i32> {
    parse_path(text, &ParseContext::new()).err().map(|error| error.code().0)
}

#[test]
fn paths_and_variables_fail_as_mongod_does() {
    let rows = [
        ("$a.b", None),
        ("$$ROOT.a", None),
        ("$$REMOVE", None),
        ("$", Some(16872)),
        ("$$", Some(9)),
        ("$$1a", Some(9)),
        ("$$a-b", Some(9)),
        ("$$nobody", Some(17276)),
        ("$a.", Some(40353)),
        ("$a..b", Some(15998)),
        ("$.a", Some(15998)),
        ("$a.$b", Some(16410)),
    ];
    for (text, code) in rows {
        assert_eq!(path_code(text), code, "{text}");
    }
}

#[test]
fn operators_fail_as_mongod_does() {
    let one = |name: &'static str| {
        move |d: &mut smongo_vm::value::DocWriter<'_, Vec<u8>>| {
            d.document("e", |e| e.value(name, Value::int32(1)));
        }
    };
    let rows = [
        ("$nonesuch", 168),
        ("$eq", 16020),
        ("$ifNull", 1257300),
        ("$switch", 40060),
        ("$let", 16874),
        ("$map", 16878),
        ("$filter", 28646),
        ("$reduce", 40075),
        ("$zip", 34460),
        ("$sortArray", 2942500),
        ("$setField", 4161100),
        ("$unsetField", 4161100),
        ("$meta", 17307),
        ("$rand", 10065),
    ];
    for (name, code) in rows {
        let error = parse_built(one(name)).expect_err(name);
        assert_eq!(error.code().0, code, "{name}: {error}");
    }
}

#[test]
fn an_operator_stands_alone_in_its_document() {
    let error = parse_built(|d| {
        d.document("e", |e| {
            e.value("$not", Value::TRUE);
            e.value("$and", Value::TRUE);
        });
    });
    assert_eq!(error.expect_err("two operators").code().0, 15983);
    let error = parse_built(|d| {
        d.document("e", |e| {
            e.value("a", Value::TRUE);
            e.value("$and", Value::TRUE);
        });
    });
    assert_eq!(error.expect_err("an operator among fields").code().0, 16410);
}

#[test]
fn bindings_end_with_their_operator() {
    let mut ctx = ParseContext::new();
    let doc = DocBuf::build(|d| {
        d.document("$let", |l| {
            l.document("vars", |v| v.value("x", Value::int32(1)));
            l.string("in", "$$x");
        });
    });
    let parsed = parse(Value::document(&doc), &mut ctx).expect("a valid $let");
    assert!(matches!(parsed, Expr::Let { bindings, .. } if bindings.len() == 1));
    assert!(ctx.lookup("x").is_err());
}

#[test]
fn current_may_be_rebound() {
    let mut ctx = ParseContext::new();
    let variable = ctx.fresh_variable();
    ctx.bind("CURRENT", Expr::Variable(variable));
    assert!(matches!(parse_path("$a", &ctx), Ok(Expr::Walk(..))));
    assert!(matches!(parse_path("$$ROOT.a", &ctx), Ok(Expr::Field(_))));
}
