//! Options that are more than a value: indexes, collations, hints.
//!
//! Their fields and builders are those of MongoDB's driver; each becomes the document that commands have for it.

use std::time::Duration;

use bson::{Bson, Document};
use typed_builder::TypedBuilder;

pub use super::gridfs::GridFsBucketOptions;
pub use super::models::{
    DeleteManyModel, DeleteOneModel, InsertOneModel, ReplaceOneModel, UpdateManyModel, UpdateOneModel, WriteModel,
};
pub use super::results::{ReturnDocument, UpdateModifications};

/// An index to be made, or one that is there.
///
/// ```
/// use std::time::Duration;
/// use smongo::IndexModel;
/// use smongo::bson::doc;
/// use smongo::options::IndexOptions;
///
/// let expire = IndexOptions::builder().expire_after(Duration::from_secs(3600)).build();
/// let index = IndexModel::builder().keys(doc! { "seen": 1 }).options(expire).build();
/// assert_eq!(index.name(), "seen_1");
/// ```
#[derive(Clone, Debug, Default, PartialEq, TypedBuilder)]
#[builder(field_defaults(default, setter(into)))]
#[non_exhaustive]
pub struct IndexModel {
    /// The fields, each with its direction or kind.
    pub keys: Document,
    /// What else there is to say.
    pub options: Option<IndexOptions>,
}

/// What can be said of an index beside its keys. Absent is the engine's default.
#[derive(Clone, Debug, Default, PartialEq, TypedBuilder)]
#[builder(field_defaults(default, setter(into)))]
#[non_exhaustive]
pub struct IndexOptions {
    /// Its name. Default: made of the keys, `a_1_b_-1`.
    pub name: Option<String>,
    /// Whether no two documents may have the same key.
    pub unique: Option<bool>,
    /// Whether documents without any of the fields have no keys.
    pub sparse: Option<bool>,
    /// Whether queries do without it.
    pub hidden: Option<bool>,
    /// Which documents have keys.
    pub partial_filter_expression: Option<Document>,
    /// How long after the date in its field a document is removed.
    pub expire_after: Option<Duration>,
    /// How strings compare in it.
    pub collation: Option<Collation>,
    /// Which fields a wildcard index has or leaves out.
    pub wildcard_projection: Option<Document>,
    /// The weights of a text index's fields.
    pub weights: Option<Document>,
    /// The language of a text index.
    pub default_language: Option<String>,
    /// The field with a document's own language, for a text index.
    pub language_override: Option<String>,
    /// Settings of the storage engine.
    pub storage_engine: Option<Document>,
}

impl IndexModel {
    /// Its name: the one that it was given, or fields and directions.
    pub fn name(&self) -> String {
        self.options.as_ref().and_then(|options| options.name.clone()).unwrap_or_else(|| default_name(&self.keys))
    }

    /// The specification that `createIndexes` takes.
    pub(super) fn spec(&self) -> Document {
        let mut spec = bson::doc! { "key": self.keys.clone(), "name": self.name() };
        let Some(options) = &self.options else { return spec };
        let mut put = |name: &str, value: Option<Bson>| {
            if let Some(value) = value {
                spec.insert(name, value);
            }
        };
        put("unique", options.unique.map(Bson::Boolean));
        put("sparse", options.sparse.map(Bson::Boolean));
        put("hidden", options.hidden.map(Bson::Boolean));
        put("partialFilterExpression", options.partial_filter_expression.clone().map(Bson::Document));
        put("expireAfterSeconds", options.expire_after.map(|time| seconds(time.as_secs())));
        put("collation", options.collation.clone().map(|collation| Bson::Document(collation.into())));
        put("wildcardProjection", options.wildcard_projection.clone().map(Bson::Document));
        put("weights", options.weights.clone().map(Bson::Document));
        put("default_language", options.default_language.clone().map(Bson::String));
        put("language_override", options.language_override.clone().map(Bson::String));
        put("storageEngine", options.storage_engine.clone().map(Bson::Document));
        spec
    }

    /// What `listIndexes` says of an index.
    pub(super) fn from_spec(mut spec: Document) -> Self {
        let mut take = |name: &str| spec.remove(name);
        let flag = |value: Option<Bson>| value.and_then(|value| value.as_bool());
        let text = |value: Option<Bson>| value.and_then(|value| value.as_str().map(str::to_owned));
        let document = |value: Option<Bson>| match value {
            Some(Bson::Document(document)) => Some(document),
            _ => None,
        };
        let options = IndexOptions {
            name: text(take("name")),
            unique: flag(take("unique")),
            sparse: flag(take("sparse")),
            hidden: flag(take("hidden")),
            partial_filter_expression: document(take("partialFilterExpression")),
            expire_after: take("expireAfterSeconds")
                .and_then(|value| match value {
                    Bson::Int32(seconds) => u64::try_from(seconds).ok(),
                    Bson::Int64(seconds) => u64::try_from(seconds).ok(),
                    // A number of seconds that was given as a double is a whole one.
                    Bson::Double(seconds) if seconds >= 0.0 => Some(seconds as u64),
                    _ => None,
                })
                .map(Duration::from_secs),
            collation: document(take("collation")).map(Collation::from_document),
            wildcard_projection: document(take("wildcardProjection")),
            weights: document(take("weights")),
            default_language: text(take("default_language")),
            language_override: text(take("language_override")),
            storage_engine: document(take("storageEngine")),
        };
        Self { keys: document(take("key")).unwrap_or_default(), options: Some(options) }
    }
}

impl From<Document> for IndexModel {
    fn from(keys: Document) -> Self {
        Self { keys, options: None }
    }
}

/// A number of seconds in the smallest type that holds it.
fn seconds(seconds: u64) -> Bson {
    i32::try_from(seconds).map_or_else(|_| Bson::Int64(i64::try_from(seconds).unwrap_or(i64::MAX)), Bson::Int32)
}

/// Fields and directions, as drivers name indexes.
fn default_name(keys: &Document) -> String {
    let part = |(field, order): (&String, &Bson)| match order {
        Bson::String(kind) => format!("{field}_{kind}"),
        other => format!("{field}_{other}"),
    };
    keys.iter().map(part).collect::<Vec<_>>().join("_")
}

/// How strings compare.
#[derive(Clone, Debug, Default, PartialEq, TypedBuilder)]
#[builder(field_defaults(default, setter(into)))]
#[non_exhaustive]
pub struct Collation {
    /// The language and its variants, as ICU names them.
    #[builder(!default)]
    pub locale: String,
    /// How much differs strings.
    pub strength: Option<CollationStrength>,
    /// Whether case differs strings at the first two strengths.
    pub case_level: Option<bool>,
    /// Which case comes first.
    pub case_first: Option<CollationCaseFirst>,
    /// Whether digits compare as numbers.
    pub numeric_ordering: Option<bool>,
    /// Whether spaces and punctuation count.
    pub alternate: Option<CollationAlternate>,
    /// What does not count, where not everything does.
    pub max_variable: Option<CollationMaxVariable>,
    /// Whether strings are brought to one form first.
    pub normalization: Option<bool>,
    /// Whether accents compare from the end.
    pub backwards: Option<bool>,
}

/// How much differs strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CollationStrength {
    /// The letters.
    Primary = 1,
    /// Accents too.
    Secondary = 2,
    /// Case too.
    Tertiary = 3,
    /// Spaces and punctuation too.
    Quaternary = 4,
    /// Everything.
    Identical = 5,
}

/// Enums whose variants are texts in a collation's document.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// MongoDB's word for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

named! {
    /// Which case comes first.
    CollationCaseFirst {
        /// Capitals.
        Upper = "upper",
        /// Small letters.
        Lower = "lower",
        /// What the locale has.
        Off = "off",
    }
}

named! {
    /// Whether spaces and punctuation count.
    CollationAlternate {
        /// They do.
        NonIgnorable = "non-ignorable",
        /// They do not, but at the fourth strength.
        Shifted = "shifted",
    }
}

named! {
    /// What does not count, where not everything does.
    CollationMaxVariable {
        /// Punctuation and spaces.
        Punct = "punct",
        /// Spaces.
        Space = "space",
    }
}

impl Collation {
    fn from_document(document: Document) -> Self {
        let flag = |name: &str| document.get_bool(name).ok();
        let text = |name: &str| document.get_str(name).ok();
        Self {
            locale: text("locale").unwrap_or_default().to_owned(),
            strength: document.get_i32("strength").ok().and_then(|strength| {
                use CollationStrength::{Identical, Primary, Quaternary, Secondary, Tertiary};
                [Primary, Secondary, Tertiary, Quaternary, Identical]
                    .into_iter()
                    .find(|known| *known as i32 == strength)
            }),
            case_level: flag("caseLevel"),
            case_first: text("caseFirst").and_then(CollationCaseFirst::from_name),
            numeric_ordering: flag("numericOrdering"),
            alternate: text("alternate").and_then(CollationAlternate::from_name),
            max_variable: text("maxVariable").and_then(CollationMaxVariable::from_name),
            normalization: flag("normalization"),
            backwards: flag("backwards"),
        }
    }
}

impl From<Document> for Collation {
    fn from(document: Document) -> Self {
        Self::from_document(document)
    }
}

impl From<Collation> for Document {
    fn from(collation: Collation) -> Self {
        let mut document = bson::doc! { "locale": collation.locale };
        let fields = [
            ("strength", collation.strength.map(|strength| Bson::Int32(strength as i32))),
            ("caseLevel", collation.case_level.map(Bson::Boolean)),
            ("caseFirst", collation.case_first.map(|first| first.as_str().into())),
            ("numericOrdering", collation.numeric_ordering.map(Bson::Boolean)),
            ("alternate", collation.alternate.map(|alternate| alternate.as_str().into())),
            ("maxVariable", collation.max_variable.map(|variable| variable.as_str().into())),
            ("normalization", collation.normalization.map(Bson::Boolean)),
            ("backwards", collation.backwards.map(Bson::Boolean)),
        ];
        document.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        document
    }
}

/// Which index is used.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Hint {
    /// The one with these keys.
    Keys(Document),
    /// The one of this name.
    Name(String),
}

impl From<Hint> for Bson {
    fn from(hint: Hint) -> Self {
        match hint {
            Hint::Keys(keys) => Self::Document(keys),
            Hint::Name(name) => Self::String(name),
        }
    }
}

/// Which documents the events of updates come with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FullDocumentType {
    /// The document as it is when the event is read.
    UpdateLookup,
    /// The document as the update left it, where the collection keeps images.
    WhenAvailable,
    /// The document as the update left it; an error where the collection keeps no images.
    Required,
}

impl FullDocumentType {
    /// MongoDB's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpdateLookup => "updateLookup",
            Self::WhenAvailable => "whenAvailable",
            Self::Required => "required",
        }
    }
}

/// Whether events come with the document as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FullDocumentBeforeChangeType {
    /// Where the collection keeps images.
    WhenAvailable,
    /// Yes; an error where the collection keeps no images.
    Required,
    /// No.
    Off,
}

impl FullDocumentBeforeChangeType {
    /// MongoDB's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WhenAvailable => "whenAvailable",
            Self::Required => "required",
            Self::Off => "off",
        }
    }
}
