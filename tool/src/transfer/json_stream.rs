//! Documents one after the other, or in an array, from a stream that need not fit in memory.

use std::io::BufRead;

use crate::failure::Failure;

/// The longest text of one document, in bytes: extended JSON takes several times what BSON does.
const MAX_TEXT_BYTES: usize = 256 << 20;

/// An iterator over the texts of documents. Separators between them, and the brackets of an array, are passed over.
pub struct JsonStream<R> {
    input: R,
    line: u64,
}

impl<R: BufRead> JsonStream<R> {
    /// The documents of `input`.
    pub fn new(input: R) -> Self {
        Self { input, line: 1 }
    }

    fn byte(&mut self) -> Result<Option<u8>, Failure> {
        let buffer = self.input.fill_buf().map_err(Failure::file("the input"))?;
        let Some(&byte) = buffer.first() else { return Ok(None) };
        self.input.consume(1);
        self.line += u64::from(byte == b'\n');
        Ok(Some(byte))
    }

    fn document(&mut self) -> Result<Option<String>, Failure> {
        loop {
            match self.byte()? {
                None => return Ok(None),
                Some(b'{') => break,
                // A byte order mark may stand in front.
                Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' | 0xef | 0xbb | 0xbf) => {}
                Some(byte) => {
                    let message = format!("line {}: unexpected '{}' before a document", self.line, char::from(byte));
                    return Err(Failure::Data(message));
                }
            }
        }
        let began = self.line;
        let unfinished = || Failure::Data(format!("line {began}: the document does not end"));
        let mut text = vec![b'{'];
        let mut depth = 1;
        while depth > 0 {
            let byte = self.byte()?.ok_or_else(unfinished)?;
            text.push(byte);
            match byte {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                quote @ (b'"' | b'\'') => self.rest_of_text(&mut text, quote, unfinished)?,
                _ => {}
            }
            if text.len() > MAX_TEXT_BYTES {
                return Err(Failure::Data(format!("line {began}: the document is too long")));
            }
        }
        String::from_utf8(text).map(Some).map_err(|_| Failure::Data(format!("line {began}: not UTF-8")))
    }

    fn rest_of_text(&mut self, text: &mut Vec<u8>, quote: u8, unfinished: impl Fn() -> Failure) -> Result<(), Failure> {
        loop {
            let byte = self.byte()?.ok_or_else(&unfinished)?;
            text.push(byte);
            if byte == quote {
                return Ok(());
            }
            if byte == b'\\' {
                text.push(self.byte()?.ok_or_else(&unfinished)?);
            }
        }
    }
}

impl<R: BufRead> Iterator for JsonStream<R> {
    type Item = Result<String, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.document().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(input: &str) -> Result<Vec<String>, Failure> {
        JsonStream::new(input.as_bytes()).collect()
    }

    #[test]
    fn documents_are_told_apart() {
        assert_eq!(texts("{\"a\": {\"b\": \"}\\\"{\"}}\n{}\n").unwrap(), ["{\"a\": {\"b\": \"}\\\"{\"}}", "{}"]);
        assert_eq!(texts("[{\"a\":1},\n {\"a\":2}]").unwrap(), ["{\"a\":1}", "{\"a\":2}"]);
        assert_eq!(texts("").unwrap(), [""; 0]);
    }

    #[test]
    fn mistakes_have_a_line() {
        for (input, message) in
            [("{}\nx", "line 2: unexpected 'x'"), ("{}\n{\"a\":", "line 2: the document does not end")]
        {
            assert!(texts(input).unwrap_err().to_string().contains(message), "{input}");
        }
    }
}
