//! A filter over scalars allocates nothing per document once the machine is warm: a scan touches memory that the
//! document lies in, and nothing else.

mod counting;

use counting::allocations_during;
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::op::{Label, Op};
use smongo_vm::program::{ArrayRule, Builder, InSet, Kind, Program, Test};
use smongo_vm::value::{DocBuf, FieldPath, OwnedValue, Value, extjson};

/// Tests on scalars at paths of one and two names, as `{n: {$gt: 1}, "d.c": "x", s: {$in: […]}, t: /b$/, …}` has them.
fn tests(builder: &mut Builder, otherwise: Label) -> smongo_vm::Result<Vec<Op>> {
    let path = |builder: &mut Builder, name| builder.path(Some(&FieldPath::new(name)), ArrayRule::AnyElement);
    let strings = ["x", "y"].map(|text| OwnedValue::new(Value::string(text))).to_vec();
    let mixed = [Value::int32(5), Value::string("x"), Value::NULL].map(OwnedValue::new).to_vec();
    let tests = [
        ("s", Test::In(InSet::new(strings, Vec::new(), None))),
        ("n", Test::In(InSet::new(mixed, Vec::new(), None))),
        ("d.c", Test::Exists),
        ("n", Test::Mod { divisor: 2, remainder: 1 }),
    ];
    let mut ops = vec![
        Op::TestGt { path: path(builder, "n")?, operand: builder.constant(Value::int32(1))?, otherwise },
        Op::TestLte { path: path(builder, "f")?, operand: builder.constant(Value::double(2.5))?, otherwise },
        Op::TestEq { path: path(builder, "d.c")?, operand: builder.constant(Value::string("x"))?, otherwise },
        Op::TestEq { path: path(builder, "none")?, operand: builder.constant(Value::NULL)?, otherwise },
    ];
    for (name, test) in tests {
        ops.push(Op::Test { path: path(builder, name)?, test: builder.test(test)?, otherwise });
    }
    Ok(ops)
}

/// The tests one after another, or as one conjunction.
fn filter(is_conjunction: bool) -> smongo_vm::Result<Program> {
    let mut builder = Builder::new(Kind::Filter);
    let otherwise = builder.label()?;
    let tests = tests(&mut builder, otherwise)?;
    if is_conjunction {
        let tests = builder.conjunction(tests)?;
        builder.emit(Op::TestAll { tests, otherwise });
    } else {
        tests.into_iter().for_each(|test| builder.emit(test));
    }
    builder.emit(Op::Match {});
    builder.bind(otherwise)?;
    builder.emit(Op::Reject {});
    builder.finish()
}

fn docs() -> Vec<DocBuf> {
    [
        "{_id: 1, n: 5, f: 2.5, s: 'x', d: {b: 1, c: 'x'}}",
        "{_id: 2, d: {c: 'x'}, s: 'y', f: -1.0, n: NumberLong(5)}",
        "{_id: 3, n: 1, f: 2.5, s: 'x', d: {c: 'x'}}",
        "{_id: 4, n: 5.0, f: NumberLong(1), s: 'y', d: {c: 'x', e: 'a long text that is passed over'}}",
        "{_id: 5, n: 'x', f: null, s: 1}",
        "{}",
    ]
    .map(|text| extjson::parse_doc(text).expect("a test's document"))
    .to_vec()
}

#[test]
fn a_warm_filter_over_scalars_allocates_nothing() {
    let docs = docs();
    for is_conjunction in [false, true] {
        let program = filter(is_conjunction).expect("a sound program");
        let (mut machine, env) = (Machine::new(), Env::fixed());
        let mut hits = 0;
        let mut scan = || {
            for doc in docs.iter().cycle().take(100 * docs.len()) {
                hits += usize::from(machine.matches(&program, doc, &env).expect("a filter that cannot fail"));
            }
        };
        let while_warming = allocations_during(&mut scan);
        assert!(while_warming > 0, "the allocator counts");
        let when_warm = allocations_during(&mut scan);
        assert_eq!(when_warm, 0, "as a conjunction: {is_conjunction}");
        assert_eq!(hits, 3 * 200);
    }
}
