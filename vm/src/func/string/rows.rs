//! The operators' rows.

use super::search::{Search, index_of, replace};
use super::trim::{Ends, trim};
use super::{change_case, code_points, compare_ignoring_case, concat, measure, split, substring};
use crate::func::{Args, Example, Fault, Function, Param};

const TRIM_ARGS: Args = Args::Named {
    params: &[Param::required("input", Fault::new(50695, "{op} requires an 'input' field")), Param::optional("chars")],
    not_a_document: Fault::new(50696, "{op} only supports an object as an argument, found {type}"),
    unknown: Fault::new(50694, "{op} found an unknown argument: {name}"),
};

const REPLACE_ARGS: Args = Args::Named {
    params: &[
        Param::required("input", Fault::new(51749, "{op} requires 'input' to be specified")),
        Param::required("find", Fault::new(51748, "{op} requires 'find' to be specified")),
        Param::required("replacement", Fault::new(51747, "{op} requires 'replacement' to be specified")),
    ],
    not_a_document: Fault::new(51751, "{op} requires an object as an argument, found: {type}"),
    unknown: Fault::new(51750, "{op} found an unknown argument: {name}"),
};

/// The functions of this family.
pub static FUNCTIONS: &[Function] = &[
    Function {
        name: "$concat",
        args: Args::Any,
        pure: true,
        doc: "Strings joined to one; null if any is missing or null.",
        examples: &[
            Example {
                document: r#"{"a": "x"}"#,
                expression: r#"{"$concat": ["$a", " - ", "y"]}"#,
                value: r#""x - y""#,
            },
            Example { document: "{}", expression: r#"{"$concat": ["x", "$a"]}"#, value: "null" },
        ],
        eval: |context, args| concat(context.arena, args),
    },
    Function {
        name: "$toLower",
        args: Args::Exactly(1),
        pure: true,
        doc: "The text of a value with A to Z in lower case; empty for null.",
        examples: &[
            Example { document: "{}", expression: r#"{"$toLower": "Ünder 13Q1"}"#, value: r#""Ünder 13q1""# },
            Example { document: "{}", expression: r#"{"$toLower": "$a"}"#, value: r#""""# },
        ],
        eval: |context, args| change_case(context.arena, args, <[u8]>::make_ascii_lowercase),
    },
    Function {
        name: "$toUpper",
        args: Args::Exactly(1),
        pure: true,
        doc: "The text of a value with a to z in upper case; empty for null.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$toUpper": "café au lait"}"#,
            value: r#""CAFé AU LAIT""#,
        }],
        eval: |context, args| change_case(context.arena, args, <[u8]>::make_ascii_uppercase),
    },
    Function {
        name: "$trim",
        args: TRIM_ARGS,
        pure: true,
        doc: "A string without whitespace, or the given characters, at both ends.",
        examples: &[
            Example {
                document: "{}",
                expression: r#"{"$trim": {"input": " \n good  bye \t "}}"#,
                value: r#""good  bye""#,
            },
            Example {
                document: "{}",
                expression: r#"{"$trim": {"input": "ggggoodbyeeeee", "chars": "ge"}}"#,
                value: r#""oodby""#,
            },
        ],
        eval: |_, args| trim(args, "$trim", Ends::Both),
    },
    Function {
        name: "$ltrim",
        args: TRIM_ARGS,
        pure: true,
        doc: "A string without whitespace, or the given characters, at its beginning.",
        examples: &[Example { document: "{}", expression: r#"{"$ltrim": {"input": "  a "}}"#, value: r#""a ""# }],
        eval: |_, args| trim(args, "$ltrim", Ends::Left),
    },
    Function {
        name: "$rtrim",
        args: TRIM_ARGS,
        pure: true,
        doc: "A string without whitespace, or the given characters, at its end.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$rtrim": {"input": " 10 km", "chars": "km "}}"#,
            value: r#"" 10""#,
        }],
        eval: |_, args| trim(args, "$rtrim", Ends::Right),
    },
    Function {
        name: "$split",
        args: Args::Exactly(2),
        pure: true,
        doc: "The parts of a string between separators.",
        examples: &[
            Example {
                document: "{}",
                expression: r#"{"$split": ["banana split", "a"]}"#,
                value: r#"["b", "n", "n", " split"]"#,
            },
            Example {
                document: "{}",
                expression: r#"{"$split": ["astronomical", "astro"]}"#,
                value: r#"["", "nomical"]"#,
            },
        ],
        eval: |context, args| split(context.arena, args),
    },
    Function {
        name: "$strLenBytes",
        args: Args::Exactly(1),
        pure: true,
        doc: "The length of a string in bytes of UTF-8.",
        examples: &[Example { document: "{}", expression: r#"{"$strLenBytes": "cafétéria"}"#, value: "11" }],
        eval: |_, args| measure(args, "$strLenBytes", 34473, <[u8]>::len),
    },
    Function {
        name: "$strLenCP",
        args: Args::Exactly(1),
        pure: true,
        doc: "The length of a string in code points.",
        examples: &[Example { document: "{}", expression: r#"{"$strLenCP": "寿司sushi"}"#, value: "7" }],
        eval: |_, args| measure(args, "$strLenCP", 34471, code_points),
    },
    Function {
        name: "$strcasecmp",
        args: Args::Exactly(2),
        pure: true,
        doc: "The order of two texts as -1, 0 or 1, with a to z equal to A to Z.",
        examples: &[
            Example { document: "{}", expression: r#"{"$strcasecmp": ["13Q1", "13q4"]}"#, value: "-1" },
            Example { document: "{}", expression: r#"{"$strcasecmp": ["abc", "ABC"]}"#, value: "0" },
        ],
        eval: |_, args| compare_ignoring_case(args),
    },
    Function {
        name: "$substr",
        args: Args::Exactly(3),
        pure: true,
        doc: "The old name of $substrBytes.",
        examples: &[Example { document: "{}", expression: r#"{"$substr": ["abcde", 1, 2]}"#, value: r#""bc""# }],
        eval: |context, args| substring::by_bytes(context.arena, args),
    },
    Function {
        name: "$substrBytes",
        args: Args::Exactly(3),
        pure: true,
        doc: "So many bytes of a text from a byte on; a negative count means all that follow.",
        examples: &[
            Example { document: "{}", expression: r#"{"$substrBytes": ["cafétéria", 8, 2]}"#, value: r#""ri""# },
            Example {
                document: "{}",
                expression: r#"{"$substrBytes": ["Hello World!", 6, -1]}"#,
                value: r#""World!""#,
            },
        ],
        eval: |context, args| substring::by_bytes(context.arena, args),
    },
    Function {
        name: "$substrCP",
        args: Args::Exactly(3),
        pure: true,
        doc: "So many code points of a text from a code point on.",
        examples: &[Example {
            document: "{}", expression: r#"{"$substrCP": ["cafétéria", 5, 3]}"#, value: r#""éri""#
        }],
        eval: |context, args| substring::by_code_points(context.arena, args),
    },
    Function {
        name: "$indexOfBytes",
        args: Args::Between(2, 4),
        pure: true,
        doc: "The byte at which a string first occurs in another, -1 if it does not.",
        examples: &[
            Example { document: "{}", expression: r#"{"$indexOfBytes": ["cafeteria", "e"]}"#, value: "3" },
            Example { document: "{}", expression: r#"{"$indexOfBytes": ["foo.bar.fi", ".", 5, 7]}"#, value: "-1" },
        ],
        eval: |_, args| {
            let search = Search { op: "$indexOfBytes", codes: [40091, 40092], by_code_points: false };
            index_of(args, &search)
        },
    },
    Function {
        name: "$indexOfCP",
        args: Args::Between(2, 4),
        pure: true,
        doc: "The code point at which a string first occurs in another, -1 if it does not.",
        examples: &[Example { document: "{}", expression: r#"{"$indexOfCP": ["cafétéria", "t"]}"#, value: "4" }],
        eval: |_, args| index_of(args, &Search { op: "$indexOfCP", codes: [40093, 40094], by_code_points: true }),
    },
    Function {
        name: "$replaceOne",
        args: REPLACE_ARGS,
        pure: true,
        doc: "A string with the first occurrence of another replaced.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$replaceOne": {"input": "blue paint, blue", "find": "blue", "replacement": "red"}}"#,
            value: r#""red paint, blue""#,
        }],
        eval: |context, args| replace(context.arena, args, "$replaceOne", false),
    },
    Function {
        name: "$replaceAll",
        args: REPLACE_ARGS,
        pure: true,
        doc: "A string with every occurrence of another replaced.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$replaceAll": {"input": "blue paint, blue", "find": "blue", "replacement": "red"}}"#,
            value: r#""red paint, red""#,
        }],
        eval: |context, args| replace(context.arena, args, "$replaceAll", true),
    },
];
