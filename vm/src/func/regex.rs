//! `$regexMatch`, `$regexFind`, `$regexFindAll`.
//!
//! A pattern is a string or a regular expression value. What is wrong with pattern or options is reported even when the
//! input is null; only then does null give `false`, null or `[]`.

use std::cell::RefCell;

use bumpalo::Bump;

use super::string::code_points;
use super::{Args, Context, Example, Fault, Function, Param, build};
use crate::error::{Error, Result};
use crate::regex::{Captures, CompileError, Regex};
use crate::value::{DocWriter, Value, View};

/// The most bytes of matches `$regexFindAll` may gather. MongoDB: 64 MiB.
const MAX_OUTPUT_BYTES: usize = 64 * 1024 * 1024;

/// How many compiled patterns a thread keeps.
const CACHED_PATTERNS: usize = 16;

const ARGS: Args = Args::Named {
    params: &[
        Param::required("input", Fault::new(31022, "{op} requires 'input' parameter")),
        Param::required("regex", Fault::new(31023, "{op} requires 'regex' parameter")),
        Param::optional("options"),
    ],
    not_a_document: Fault::new(51103, "{op} expects an object of named arguments but found: {type}"),
    unknown: Fault::new(31024, "{op} found an unknown argument: {name}"),
};

/// The functions of this family.
pub static FUNCTIONS: &[Function] = &[
    Function {
        name: "$regexMatch",
        args: ARGS,
        pure: true,
        doc: "Whether a pattern occurs in a string.",
        examples: &[
            Example {
                document: r#"{"s": "Single LINE description."}"#,
                expression: r#"{"$regexMatch": {"input": "$s", "regex": "line", "options": "i"}}"#,
                value: "true",
            },
            Example {
                document: "{}",
                expression: r#"{"$regexMatch": {"input": "$s", "regex": "line"}}"#,
                value: "false",
            },
        ],
        eval: |context, args| {
            let Some((input, regex)) = arguments(args, "$regexMatch")? else { return Ok(Value::FALSE) };
            let found = regex.is_match(input.as_bytes(), context.env).map_err(|error| failed(error, "$regexMatch"))?;
            Ok(Value::bool(found))
        },
    },
    Function {
        name: "$regexFind",
        args: ARGS,
        pure: true,
        doc: "The first occurrence of a pattern in a string, as {match, idx, captures}; idx counts code points.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$regexFind": {"input": "Café 42!", "regex": "([0-9])([0-9])(x)?"}}"#,
            value: r#"{"match": "42", "idx": 5, "captures": ["4", "2", null]}"#,
        }],
        eval: find,
    },
    Function {
        name: "$regexFindAll",
        args: ARGS,
        pure: true,
        doc: "Every occurrence of a pattern in a string.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$regexFindAll": {"input": "a1b2", "regex": "[0-9]"}}"#,
            value: r#"[{"match": "1", "idx": 1, "captures": []}, {"match": "2", "idx": 3, "captures": []}]"#,
        }],
        eval: find_all,
    },
];

fn find<'d>(context: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    const OP: &str = "$regexFind";
    let Some((input, regex)) = arguments(args, OP)? else { return Ok(Value::NULL) };
    match regex.captures_at(input, 0, context.env).map_err(|error| failed(error, OP))? {
        None => Ok(Value::NULL),
        Some(captures) => {
            let index = code_points(&input.as_bytes()[..captures.whole().0]);
            build::document(context.arena, |doc| {
                write_match(doc, input, &captures, index);
                Ok(())
            })
        }
    }
}

fn find_all<'d>(context: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    const OP: &str = "$regexFindAll";
    let arena: &'d Bump = context.arena;
    let Some((input, regex)) = arguments(args, OP)? else {
        return build::array(arena, |_| Ok(()));
    };
    build::array(arena, |matches| {
        let (mut at, mut counted, mut index) = (0, 0, 0);
        while let Some(captures) = regex.captures_at(input, at, context.env).map_err(|error| failed(error, OP))? {
            let (start, end) = captures.whole();
            index += code_points(&input.as_bytes()[counted..start]);
            counted = start;
            matches.document(|doc| write_match(doc, input, &captures, index));
            if matches.written() > MAX_OUTPUT_BYTES {
                let message = format!("{OP}: the size of buffer to store output exceeded the 64MB limit");
                return Err(Error::location(51151, message));
            }
            // After an empty match the search goes on behind the next character.
            at = if end > start { end } else { input.ceil_char_boundary(start + 1) };
            if at >= input.len() {
                break;
            }
            context.env.interrupt.map_or(Ok(()), |interrupted| interrupted())?;
        }
        Ok(())
    })
}

fn write_match(doc: &mut DocWriter<'_, build::Buffer<'_>>, input: &str, captures: &Captures, index: usize) {
    let (start, end) = captures.whole();
    doc.value("match", Value::string(&input[start..end]));
    doc.value("idx", Value::int32(i32::try_from(index).unwrap_or(i32::MAX)));
    doc.array("captures", |groups| {
        for group in captures.groups() {
            groups.value(group.map_or(Value::NULL, |(start, end)| Value::string(&input[start..end])));
        }
    });
}

/// The error of a match that ran into a limit, with the operator's name in it.
fn failed(error: Error, op: &str) -> Error {
    Error::new(error.code(), error.message().replacen(". Result", &format!(" in {op}. Result"), 1))
}

/// Input and compiled pattern; `None` when either is null. Nothing matches an input that is not UTF-8.
fn arguments<'d>(args: &[Value<'d>], op: &str) -> Result<Option<(&'d str, Regex)>> {
    let &[input, regex, options] = args else { return Ok(None) };
    let regex = pattern(regex, options, op)?;
    let input = match input.as_str_bytes() {
        Some(input) => std::str::from_utf8(input).ok(),
        None if input.is_nullish() => None,
        None => return Err(Error::location(51104, format!("{op} needs 'input' to be of type string"))),
    };
    Ok(input.zip(regex))
}

fn pattern(regex: Value<'_>, options: Value<'_>, op: &str) -> Result<Option<Regex>> {
    let (pattern, flags) = match regex.view() {
        View::String(pattern) => (Some(pattern), None),
        View::Regex { pattern, options } => (Some(pattern), Some(options).filter(|options| !options.is_empty())),
        _ if regex.is_nullish() => (None, None),
        _ => {
            return Err(Error::location(51105, format!("{op} needs 'regex' to be of type string or regex")));
        }
    };
    let options = match options.as_str_bytes() {
        Some(_) if flags.is_some() => {
            let message = format!("{op}: found regex option(s) specified in both 'regex' and 'option' fields");
            return Err(Error::location(51107, message));
        }
        Some(options) => options,
        None if options.is_nullish() => flags.unwrap_or_default(),
        None => return Err(Error::location(51106, format!("{op} needs 'options' to be of type string"))),
    };
    if options.contains(&0) {
        let message = format!("{op}: regular expression options cannot contain an embedded null byte");
        return Err(Error::location(51110, message));
    }
    let options = String::from_utf8_lossy(options);
    let pattern = pattern.map(String::from_utf8_lossy);
    // Options are checked even when there is no pattern to use them with.
    let regex = compile(pattern.as_deref().unwrap_or_default(), &options).map_err(|error| match error {
        CompileError::EmbeddedNul => {
            Error::location(51109, format!("{op}: regular expression cannot contain an embedded null byte"))
        }
        CompileError::Flag(flag) => Error::location(51108, format!("{op} invalid flag in regex options: {flag}")),
        CompileError::Pattern(reason) => Error::location(51111, format!("Invalid Regex in {op}: {reason}")),
    })?;
    Ok(pattern.is_some().then_some(regex))
}

thread_local! {
    /// The patterns compiled last, newest at the end: a pattern is mostly the same for every document.
    static COMPILED: RefCell<Vec<Regex>> = const { RefCell::new(Vec::new()) };
}

fn compile(pattern: &str, options: &str) -> Result<Regex, CompileError> {
    COMPILED.with_borrow_mut(|compiled| {
        let known = compiled.iter().rposition(|regex| regex.pattern() == pattern && regex.options() == options);
        if let Some(index) = known {
            return Ok(compiled[index].clone());
        }
        let regex = Regex::compile(pattern, options)?;
        if compiled.len() == CACHED_PATTERNS {
            compiled.remove(0);
        }
        compiled.push(regex.clone());
        Ok(regex)
    })
}
