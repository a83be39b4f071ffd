//! The options of a collation, and the document that says them.

use super::VERSION;
use super::locale::Locale;
use crate::value::{DocBuf, DocWriter, Value};

/// Which case sorts first where nothing else differs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CaseFirst {
    /// As the third level has it: lower case, mostly.
    Off,
    /// Upper case.
    Upper,
    /// Lower case.
    Lower,
}

/// Whether spaces and punctuation count as letters do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Alternate {
    /// They do.
    NonIgnorable,
    /// They only count at the fourth level.
    Shifted,
}

/// What `alternate: "shifted"` is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MaxVariable {
    /// Spaces and punctuation.
    Punct,
    /// Spaces.
    Space,
}

/// All options of a collation.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CollationOptions {
    /// The language's rules.
    pub locale: Locale,
    /// Whether case has a level of its own before the third.
    pub case_level: bool,
    /// Which case sorts first.
    pub case_first: CaseFirst,
    /// How many levels of difference count: 1 to 5.
    pub strength: u8,
    /// Whether digits compare as the number they make.
    pub numeric_ordering: bool,
    /// Whether spaces and punctuation count.
    pub alternate: Alternate,
    /// What `alternate` is about.
    pub max_variable: MaxVariable,
    /// Whether text is normalised first.
    pub normalization: bool,
    /// Whether accents count from the end of the string.
    pub backwards: bool,
}

impl CollationOptions {
    /// What a locale has where a request says no more.
    pub fn of(locale: Locale) -> Self {
        Self {
            locale,
            case_level: false,
            case_first: if locale.is_upper_first() { CaseFirst::Upper } else { CaseFirst::Off },
            strength: 3,
            numeric_ordering: false,
            alternate: if locale.is_shifted() { Alternate::Shifted } else { Alternate::NonIgnorable },
            max_variable: MaxVariable::Punct,
            normalization: locale.is_normalizing(),
            backwards: locale.is_backwards(),
        }
    }

    /// The document that catalogs keep and replies show: every option, in mongod's order.
    pub fn write(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.string("locale", &self.locale.name());
        doc.value("caseLevel", Value::bool(self.case_level));
        doc.string(
            "caseFirst",
            match self.case_first {
                CaseFirst::Off => "off",
                CaseFirst::Upper => "upper",
                CaseFirst::Lower => "lower",
            },
        );
        doc.value("strength", Value::int32(i32::from(self.strength)));
        doc.value("numericOrdering", Value::bool(self.numeric_ordering));
        doc.string(
            "alternate",
            match self.alternate {
                Alternate::NonIgnorable => "non-ignorable",
                Alternate::Shifted => "shifted",
            },
        );
        doc.string(
            "maxVariable",
            match self.max_variable {
                MaxVariable::Punct => "punct",
                MaxVariable::Space => "space",
            },
        );
        doc.value("normalization", Value::bool(self.normalization));
        doc.value("backwards", Value::bool(self.backwards));
        doc.string("version", VERSION);
    }

    /// The same as a document of its own.
    pub fn to_doc(&self) -> DocBuf {
        DocBuf::build(|doc| self.write(doc))
    }
}
