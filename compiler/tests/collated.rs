//! The machine against the oracle where strings compare by a collation: many small filters over small documents, of
//! strings that collations tell apart in different ways.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use smongo_compiler::front::{collation, filter};
use smongo_compiler::oracle::{self, Given};
use smongo_compiler::{ParseContext, compile_filter};
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{ArrayWriter, DocBuf, DocWriter, Value, extjson};

/// Filters for each collation.
const ROUNDS: usize = 4000;

const WORDS: [&str; 14] = ["", "a", "A", "á", "a\u{301}", "b", "B", "ab", "a b", "a-b", "aa", "10", "9", "ß"];

const COLLATIONS: [&str; 7] = [
    "{locale: 'en', strength: 1}",
    "{locale: 'en', strength: 2}",
    "{locale: 'en', strength: 1, caseLevel: true}",
    "{locale: 'en', numericOrdering: true}",
    "{locale: 'en', alternate: 'shifted'}",
    "{locale: 'da'}",
    "{locale: 'de@collation=phonebook', strength: 1}",
];

/// Numbers that look random enough (SplitMix64), the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed >> 33) as usize % end
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len())]
    }
}

type Fields<'w> = DocWriter<'w, Vec<u8>>;
type Elements<'w> = ArrayWriter<'w, Vec<u8>>;

/// A field with a string, or something that has strings inside.
fn value(random: &mut Random, doc: &mut Fields<'_>, name: &str) {
    match random.below(8) {
        0 => doc.value(name, Value::int32(1)),
        1 => doc.value(name, Value::NULL),
        2 => doc.array(name, |array| words(random, array)),
        3 => doc.document(name, |doc| doc.string("x", random.word())),
        _ => doc.string(name, random.word()),
    }
}

fn words(random: &mut Random, array: &mut Elements<'_>) {
    (0..random.below(4)).for_each(|_| array.value(Value::string(random.word())));
}

fn document(random: &mut Random) -> DocBuf {
    DocBuf::build(|doc| ["a", "b"].iter().for_each(|name| value(random, doc, name)))
}

/// `{path: {operator: …}}`.
fn condition(random: &mut Random, doc: &mut Fields<'_>) {
    const COMPARISONS: [&str; 6] = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"];
    let path = ["a", "b", "a.x"][random.below(3)];
    let comparison = COMPARISONS[random.below(COMPARISONS.len())];
    doc.document(path, |tests| match random.below(8) {
        0 => tests.array("$in", |array| words(random, array)),
        1 => tests.array("$nin", |array| words(random, array)),
        2 => tests.array("$all", |array| words(random, array)),
        3 => tests.document("$not", |not| not.string(comparison, random.word())),
        4 => tests.document("$elemMatch", |element| element.string(comparison, random.word())),
        _ => value(random, tests, comparison),
    });
}

fn filter(random: &mut Random) -> DocBuf {
    DocBuf::build(|doc| match random.below(5) {
        0 => doc.array("$or", |parts| (0..2).for_each(|_| parts.document(|part| condition(random, part)))),
        1 => doc.document("$expr", |call| {
            let operator = ["$eq", "$lt", "$gte", "$cmp"][random.below(4)];
            call.array(operator, |arguments| {
                arguments.value(Value::string("$a"));
                arguments.value(Value::string(["$b", "a", "B"][random.below(3)]));
            });
        }),
        _ => condition(random, doc),
    })
}

#[test]
fn machine_and_oracle_agree() {
    let mut random = Random(1);
    let mut machine = Machine::new();
    let mut matches = 0;
    for spec in COLLATIONS {
        let collation = collation::parse(&extjson::parse_doc(spec).expect("a document")).expect("a collation");
        let context = || ParseContext::new().with_collation(collation.clone());
        for _ in 0..ROUNDS {
            let (filter, doc, env) = (filter(&mut random), document(&mut random), Env::fixed());
            let ir = filter::parse(&filter, &mut context()).expect("a filter");
            let compiled = compile_filter(&filter, &mut context()).expect("a program");
            let given = Given { env: &env, strings: collation.as_deref().map(|collation| collation as _) };
            let expected = oracle::matches(&ir, &doc, given);
            let got = machine.matches(&compiled.program, &doc, &env);
            assert_eq!(got, expected, "{filter:?} under {spec} over {doc:?}\n{}", compiled.program);
            matches += usize::from(got == Ok(true));
        }
    }
    let rounds = ROUNDS * COLLATIONS.len();
    assert!(matches * 10 > rounds && matches * 10 < rounds * 9, "{matches} of {rounds} match");
}
