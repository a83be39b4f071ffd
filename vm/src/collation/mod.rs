//! Collations: how strings compare by the rules of a language.
//!
//! A [`Collation`] is options, as a request or a catalog says them, and ICU's collator for them, with the data compiled
//! in. It is the [`StringOrder`] that comparison, hashing and key encoding take. `{locale: "simple"}` is not a
//! collation but the absence of one: strings compare as bytes.
//!
//! ICU always looks at canonically equivalent texts alike, so the option `normalization` is kept and shown but changes
//! nothing.

mod backwards;
mod locale;
mod options;

use std::cmp::Ordering;
use std::fmt;

use icu_collator::options::{self as icu, CollatorOptions};
use icu_collator::preferences::{CollationCaseFirst, CollationNumericOrdering};
use icu_collator::{Collator, CollatorBorrowed, CollatorPreferences};
use icu_provider::DataError;

pub use locale::Locale;
pub use options::{Alternate, CaseFirst, CollationOptions, MaxVariable};

use crate::code::Code;
use crate::error::{Error, Result};
use crate::value::StringOrder;

/// What replies and catalogs say of the rules' version: that of the ICU inside mongod, which clients and tools expect.
pub const VERSION: &str = "57.1";

/// A string order with the options that define it.
pub struct Collation {
    options: CollationOptions,
    rules: Rules,
}

/// The collator, borrowing the compiled data where it is used as it is.
enum Rules {
    Plain(CollatorBorrowed<'static>),
    Backwards(Box<Collator>),
}

impl Collation {
    /// The collation of these options.
    pub fn new(options: CollationOptions) -> Result<Self> {
        let rules = rules(&options).map_err(|error| {
            Error::new(Code::INTERNAL_ERROR, format!("no collation data for '{}': {error}", options.locale.name()))
        })?;
        Ok(Self { options, rules })
    }

    /// The options, complete.
    pub fn options(&self) -> &CollationOptions {
        &self.options
    }

    /// The bytes by which a string sorts, alone.
    pub fn sort_key(&self, text: &[u8]) -> Box<[u8]> {
        let mut key = Vec::with_capacity(text.len() * 2);
        self.append_sort_key(text, &mut key);
        key.into()
    }
}

fn rules(options: &CollationOptions) -> std::result::Result<Rules, DataError> {
    let mut preferences = CollatorPreferences::from(&options.locale.to_icu());
    preferences.case_first = Some(match options.case_first {
        CaseFirst::Off => CollationCaseFirst::False,
        CaseFirst::Lower => CollationCaseFirst::Lower,
        CaseFirst::Upper => CollationCaseFirst::Upper,
    });
    preferences.numeric_ordering =
        Some(if options.numeric_ordering { CollationNumericOrdering::True } else { CollationNumericOrdering::False });
    let mut chosen = CollatorOptions::default();
    chosen.strength = Some(match options.strength {
        1 => icu::Strength::Primary,
        2 => icu::Strength::Secondary,
        4 => icu::Strength::Quaternary,
        5 => icu::Strength::Identical,
        _ => icu::Strength::Tertiary,
    });
    chosen.case_level = Some(if options.case_level { icu::CaseLevel::On } else { icu::CaseLevel::Off });
    chosen.alternate_handling = Some(match options.alternate {
        Alternate::NonIgnorable => icu::AlternateHandling::NonIgnorable,
        Alternate::Shifted => icu::AlternateHandling::Shifted,
    });
    chosen.max_variable = Some(match options.max_variable {
        MaxVariable::Punct => icu::MaxVariable::Punctuation,
        MaxVariable::Space => icu::MaxVariable::Space,
    });
    if options.backwards == options.locale.is_backwards() {
        return Collator::try_new(preferences, chosen).map(Rules::Plain);
    }
    let data = backwards::Data { backwards: options.backwards };
    Collator::try_new_unstable(&data, preferences, chosen).map(|collator| Rules::Backwards(Box::new(collator)))
}

impl StringOrder for Collation {
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        match &self.rules {
            Rules::Plain(collator) => collator.compare_utf8(a, b),
            Rules::Backwards(collator) => collator.as_borrowed().compare_utf8(a, b),
        }
    }

    fn append_sort_key(&self, text: &[u8], out: &mut Vec<u8>) {
        // Writing to a vector cannot fail.
        let Ok(()) = match &self.rules {
            Rules::Plain(collator) => collator.write_sort_key_utf8_to(text, out),
            Rules::Backwards(collator) => collator.as_borrowed().write_sort_key_utf8_to(text, out),
        };
    }
}

impl PartialEq for Collation {
    fn eq(&self, other: &Self) -> bool {
        self.options == other.options
    }
}

impl Eq for Collation {}

impl fmt::Debug for Collation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.options, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collation(name: &str, change: impl FnOnce(&mut CollationOptions)) -> Collation {
        let mut options = CollationOptions::of(Locale::find(name).unwrap());
        change(&mut options);
        Collation::new(options).unwrap()
    }

    /// The levels of comparison (manual: "Collation Document", `strength`).
    #[test]
    fn strengths() {
        for (strength, a, b, equal) in [
            (1, "a", "B", false),
            (1, "résumé", "RESUME", true),
            (2, "résumé", "RÉSUMÉ", true),
            (2, "résumé", "resume", false),
            (3, "a", "A", false),
            (3, "é", "e\u{301}", true),
            (3, "a", "a\u{200b}", true),
            (5, "a", "a\u{200b}", false),
        ] {
            let order = collation("en", |options| options.strength = strength);
            assert_eq!(order.compare(a.as_bytes(), b.as_bytes()).is_eq(), equal, "{strength} {a} {b}");
        }
    }

    /// French accents count from the end (ICU: "Collation Customization", backwards).
    #[test]
    fn backwards_is_an_option_of_every_locale() {
        for (name, backwards, order) in [
            ("en", false, Ordering::Greater),
            ("en", true, Ordering::Less),
            ("fr_CA", true, Ordering::Less),
            ("fr_CA", false, Ordering::Greater),
        ] {
            let order_of = collation(name, |options| options.backwards = backwards);
            assert_eq!(order_of.compare("côte".as_bytes(), "coté".as_bytes()), order, "{name} {backwards}");
        }
    }

    #[test]
    fn sort_keys_compare_as_strings_do() {
        let texts = [
            "", "a", "A", "á", "Á", "ab", "a b", "a-b", "10", "9", "z", "ö", "ß", "ss", "I", "ı", "İ", "i", "\0",
            "日本",
        ];
        for name in ["en", "de@collation=phonebook", "tr", "sv", "th", "da", "zh", "en_US_POSIX", "fr_CA"] {
            for strength in 1..=5 {
                for (numeric, upper) in [(false, false), (true, false), (false, true)] {
                    let order = collation(name, |options| {
                        options.strength = strength;
                        options.numeric_ordering = numeric;
                        options.backwards ^= numeric;
                        if upper {
                            options.case_first = CaseFirst::Upper;
                            options.case_level = true;
                        }
                    });
                    for a in texts {
                        for b in texts {
                            let (x, y) = (a.as_bytes(), b.as_bytes());
                            assert_eq!(
                                order.compare(x, y),
                                order.sort_key(x).cmp(&order.sort_key(y)),
                                "{a:?} {b:?} {order:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}
