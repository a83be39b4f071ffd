//! A string in the form in which documents hold it, prepared for being compared with many.

/// The bytes of a string with the first words of its BSON payload: its length, the text, the terminator. Most strings
/// differ in those, so most comparisons are two masked words.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    words: [u64; 2],
    masks: [u64; 2],
    bytes: Box<[u8]>,
}

const WORDS_BYTES: usize = 16;
const LENGTH_BYTES: usize = 4;

impl Text {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut payload = [0; WORDS_BYTES];
        let (length, text) = payload.split_at_mut(LENGTH_BYTES);
        length.copy_from_slice(&u32::try_from(bytes.len() + 1).unwrap_or(u32::MAX).to_le_bytes());
        let held = bytes.len().min(text.len());
        text[..held].copy_from_slice(&bytes[..held]);
        // The terminator counts where the words reach it.
        let counted = (LENGTH_BYTES + bytes.len() + 1).min(WORDS_BYTES);
        let mask = u128::MAX >> (8 * (WORDS_BYTES - counted));
        Self { words: words(&payload), masks: [mask as u64, (mask >> 64) as u64], bytes: bytes.into() }
    }

    /// The string's bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the string whose payload stands at `at` is this one.
    #[inline(always)]
    pub(crate) fn is_at(&self, doc: &[u8], at: usize) -> bool {
        match doc.get(at..).and_then(|payload| payload.split_first_chunk::<WORDS_BYTES>()) {
            Some((head, rest)) => {
                let [low, high] = words(head);
                low & self.masks[0] == self.words[0]
                    && high & self.masks[1] == self.words[1]
                    && (self.bytes.len() < WORDS_BYTES - LENGTH_BYTES || self.goes_on(rest))
            }
            None => self.is_near_the_end(doc, at),
        }
    }

    /// Whether `rest` begins with what the words do not hold.
    fn goes_on(&self, rest: &[u8]) -> bool {
        rest.starts_with(&self.bytes[WORDS_BYTES - LENGTH_BYTES..])
    }

    #[cold]
    fn is_near_the_end(&self, doc: &[u8], at: usize) -> bool {
        let payload = doc.get(at..).unwrap_or_default();
        let length = payload.first_chunk().map(|length| u32::from_le_bytes(*length) as usize);
        length == Some(self.bytes.len() + 1)
            && payload.get(LENGTH_BYTES..LENGTH_BYTES + self.bytes.len()) == Some(&self.bytes)
    }
}

#[inline(always)]
fn words(bytes: &[u8; WORDS_BYTES]) -> [u64; 2] {
    let both = u128::from_le_bytes(*bytes);
    [both as u64, (both >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{DocBuf, Value};

    #[test]
    fn only_the_same_text_is_equal_wherever_it_stands() {
        let texts = [
            "",
            "a",
            "b",
            "active",
            "elevenchars",
            "twelve chars",
            "twelve charS",
            "a text of twenty-four b",
            "a text of twenty-four c",
        ];
        for text in texts {
            for other in texts {
                for behind in ["", "what stands behind in the document"] {
                    let doc = DocBuf::build(|doc| {
                        doc.value("a", Value::string(other));
                        doc.string("b", behind);
                    });
                    for bytes in [doc.as_doc().as_bytes(), &doc.as_doc().as_bytes()[..7 + 4 + other.len() + 1]] {
                        assert_eq!(Text::new(text.as_bytes()).is_at(bytes, 7), text == other, "{text} {other}");
                    }
                }
            }
        }
    }
}
