//! Statements: `show dbs`, `use cinema`, `it`, and calls on `db` such as `db.films.find({year: 1927}).sort({title: 1})`.

use bson::Bson;
use bson::oid::ObjectId;

use super::lexer::{Lexeme, Token, lex};
use crate::failure::Failure;
use crate::values;

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// Nothing at all.
    Empty,
    /// `show dbs` and the like.
    Show(String),
    /// `use cinema`.
    Use(String),
    /// `it`: more of the last results.
    More,
    /// `help`.
    Help,
    /// `exit`, `quit`, `quit()`.
    Exit,
    /// `db`, and what follows it.
    Db(Vec<Member>),
    /// `rs`, and what follows it.
    Rs(Vec<Member>),
}

/// A step from `db`: `.name`, `["name"]`, or `.name(arguments)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// The arguments of a call.
    pub arguments: Option<Vec<Bson>>,
}

/// Reads one statement.
pub fn parse(text: &str) -> Result<Statement, Failure> {
    let text = text.trim().trim_end_matches(';').trim_end();
    let mut words = text.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (None, ..) => return Ok(Statement::Empty),
        (Some("it"), None, _) => return Ok(Statement::More),
        (Some("help"), ..) => return Ok(Statement::Help),
        (Some("exit" | "quit" | "exit()" | "quit()"), None, _) => return Ok(Statement::Exit),
        (Some("show"), Some(what), None) => return Ok(Statement::Show(what.to_owned())),
        (Some("use"), Some(db), None) => return Ok(Statement::Use(db.to_owned())),
        _ => {}
    }
    let mut parser = Parser { text, lexemes: lex(text), at: 0 };
    let root = parser.word().map(str::to_owned);
    let members = match root.as_deref() {
        Some("db" | "rs") => parser.members()?,
        _ => return Err(Failure::Usage("a statement begins with db, rs, show, use, it, help or exit".into())),
    };
    Ok(if root.as_deref() == Some("db") { Statement::Db(members) } else { Statement::Rs(members) })
}

struct Parser<'t> {
    text: &'t str,
    lexemes: Vec<Lexeme>,
    at: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<Token> {
        self.lexemes.get(self.at).and_then(|lexeme| lexeme.token)
    }

    fn slice(&self, at: usize) -> &'t str {
        self.lexemes.get(at).map_or("", |lexeme| &self.text[lexeme.span.clone()])
    }

    fn unexpected<T>(&self) -> Result<T, Failure> {
        match self.lexemes.get(self.at) {
            Some(lexeme) => {
                let column = self.text[..lexeme.span.start].chars().count() + 1;
                Err(Failure::Usage(format!("unexpected '{}' in column {column}", self.slice(self.at))))
            }
            None => Err(Failure::Usage("the statement ends too early".into())),
        }
    }

    fn word(&mut self) -> Option<&'t str> {
        (self.peek() == Some(Token::Word)).then(|| {
            self.at += 1;
            self.slice(self.at - 1)
        })
    }

    fn members(&mut self) -> Result<Vec<Member>, Failure> {
        let mut members = Vec::new();
        while self.at < self.lexemes.len() {
            let name = match (self.peek(), self.slice(self.at)) {
                (Some(Token::Dot), _) => {
                    self.at += 1;
                    match self.word() {
                        Some(word) => word.to_owned(),
                        None => return self.unexpected(),
                    }
                }
                (Some(Token::Open), "[") => {
                    let index = self.enclosed()?;
                    match index.as_slice() {
                        [Bson::String(name)] => name.clone(),
                        _ => return Err(Failure::Usage("a collection's name in brackets is a text in quotes".into())),
                    }
                }
                _ => return self.unexpected(),
            };
            let calls = self.peek() == Some(Token::Open) && self.slice(self.at) == "(";
            let arguments = if calls { Some(self.enclosed()?) } else { None };
            members.push(Member { name, arguments });
        }
        Ok(members)
    }

    /// The values between the bracket at hand and the one that closes it.
    fn enclosed(&mut self) -> Result<Vec<Bson>, Failure> {
        let first = self.at + 1;
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(Token::Open) => depth += 1,
                Some(Token::Close) => depth -= 1,
                _ => {}
            }
            if self.at >= self.lexemes.len() {
                return Err(Failure::Usage("a bracket is not closed".into()));
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
        let values = self.generated(first, self.at - 1);
        match values::parse(&format!("[{values}]"))? {
            Bson::Array(values) => Ok(values),
            _ => self.unexpected(),
        }
    }

    /// The text of the tokens from `first` to before `end`, with values in place of calls that make them up: `ObjectId()`,
    /// `ISODate()`, `new Date()`, `UUID()`.
    fn generated(&self, first: usize, end: usize) -> String {
        let mut text = String::new();
        let mut at = first;
        let mut copied = self.lexemes.get(first).map_or(self.text.len(), |lexeme| lexeme.span.start);
        while at < end {
            let empty_call = at + 2 < end && self.slice(at + 1) == "(" && self.slice(at + 2) == ")";
            let made = match self.slice(at) {
                "ObjectId" if empty_call => Some(format!("ObjectId(\"{}\")", ObjectId::new().to_hex())),
                "ISODate" | "Date" if empty_call => Some(format!("Date({})", bson::DateTime::now().timestamp_millis())),
                "UUID" if empty_call => Some(format!("UUID(\"{}\")", bson::Uuid::new())),
                _ => None,
            };
            if let Some(made) = made {
                text.push_str(&self.text[copied..self.lexemes[at].span.start]);
                text.push_str(&made);
                copied = self.lexemes[at + 2].span.end;
                at += 3;
            } else {
                at += 1;
            }
        }
        let end = self.lexemes.get(end).map_or(self.text.len(), |lexeme| lexeme.span.start);
        text.push_str(self.text.get(copied..end).unwrap_or_default());
        text
    }
}

#[cfg(test)]
mod tests {
    use bson::{bson, doc};

    use super::*;

    fn member(name: &str) -> Member {
        Member { name: name.into(), arguments: None }
    }

    fn call(name: &str, arguments: Vec<Bson>) -> Member {
        Member { name: name.into(), arguments: Some(arguments) }
    }

    #[test]
    fn words() {
        assert_eq!(parse("  ").unwrap(), Statement::Empty);
        assert_eq!(parse("show dbs;").unwrap(), Statement::Show("dbs".into()));
        assert_eq!(parse("use a-b").unwrap(), Statement::Use("a-b".into()));
        assert_eq!(parse("it").unwrap(), Statement::More);
        assert_eq!(parse("exit").unwrap(), Statement::Exit);
    }

    #[test]
    fn calls() {
        assert_eq!(parse("db").unwrap(), Statement::Db(vec![]));
        assert_eq!(
            parse("db.a.b.find({x: /[/)]a/i}, {_id: 0}).sort({y: -1}).limit(3)").unwrap(),
            Statement::Db(vec![
                member("a"),
                member("b"),
                call("find", vec![bson!({ "x": values::parse("/[/)]a/i").unwrap() }), bson!({ "_id": 0 })]),
                call("sort", vec![bson!({ "y": -1 })]),
                call("limit", vec![bson!(3)]),
            ])
        );
        assert_eq!(
            parse(r#"db["a b"].insertOne({t: ") {", n: NumberLong(5)})"#).unwrap(),
            Statement::Db(vec![
                member("a b"),
                call("insertOne", vec![Bson::Document(doc! { "t": ") {", "n": 5_i64 })])
            ])
        );
    }

    #[test]
    fn values_that_are_made_up() {
        let Statement::Db(members) = parse("db.c.insertOne({a: ObjectId(), b: new Date(), c: UUID()})").unwrap() else {
            unreachable!("a statement on db");
        };
        let arguments = members[1].arguments.as_ref().unwrap();
        let document = arguments[0].as_document().unwrap();
        assert!(document.get_object_id("a").is_ok() && document.get_datetime("b").is_ok());
        assert!(matches!(document.get("c"), Some(Bson::Binary(_))));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, message) in [
            ("var x = 1", "a statement begins with"),
            ("db.c.find({", "a bracket is not closed"),
            ("db.c.find({a: })", "Failed to parse extended JSON"),
            ("db..c", "unexpected '.'"),
            ("db[1]", "in quotes"),
            ("db.c.find() + 1", "unexpected '+'"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
