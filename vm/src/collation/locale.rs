//! The locales that mongod knows, with their variants and what they have by default (manual: "Collation Locales and
//! Default Parameters").

use std::borrow::Cow;

/// A row of the table: a name and the variants that `@collation=` may choose.
struct Row {
    name: &'static str,
    variants: &'static [&'static str],
}

const fn row(name: &'static str, variants: &'static [&'static str]) -> Row {
    Row { name, variants }
}

const SEARCH: &[&str] = &["search"];

static LOCALES: &[Row] = &[
    row("af", &[]),
    row("am", &[]),
    row("ar", &["compat"]),
    row("as", &[]),
    row("az", SEARCH),
    row("be", &[]),
    row("bg", &[]),
    row("bn", &["traditional"]),
    row("bo", &[]),
    row("bs", SEARCH),
    row("bs_Cyrl", &[]),
    row("ca", SEARCH),
    row("chr", &[]),
    row("cs", SEARCH),
    row("cy", &[]),
    row("da", SEARCH),
    row("de", &["search", "eor", "phonebook"]),
    row("de_AT", &["phonebook"]),
    row("dsb", &[]),
    row("dz", &[]),
    row("ee", &[]),
    row("el", &[]),
    row("en", &[]),
    row("en_US", &[]),
    row("en_US_POSIX", &[]),
    row("eo", &[]),
    row("es", &["search", "traditional"]),
    row("et", &[]),
    row("fa", &[]),
    row("fa_AF", &[]),
    row("fi", &["search", "traditional"]),
    row("fil", &[]),
    row("fo", &[]),
    row("fr", &[]),
    row("fr_CA", &[]),
    row("ga", &[]),
    row("gl", SEARCH),
    row("gu", &[]),
    row("ha", &[]),
    row("haw", &[]),
    row("he", SEARCH),
    row("hi", &[]),
    row("hr", SEARCH),
    row("hsb", &[]),
    row("hu", &[]),
    row("hy", &[]),
    row("id", &[]),
    row("ig", &[]),
    row("is", SEARCH),
    row("it", &[]),
    row("ja", &["unihan"]),
    row("ka", &[]),
    row("kk", &[]),
    row("kl", SEARCH),
    row("km", &[]),
    row("kn", &["traditional"]),
    row("ko", &["search", "searchjl", "unihan"]),
    row("kok", &[]),
    row("ky", &[]),
    row("lb", &[]),
    row("lkt", &[]),
    row("ln", &["phonetic"]),
    row("lo", &[]),
    row("lt", &[]),
    row("lv", &[]),
    row("mk", &[]),
    row("ml", &[]),
    row("mn", &[]),
    row("mr", &[]),
    row("ms", &[]),
    row("mt", &[]),
    row("my", &[]),
    row("nb", SEARCH),
    row("ne", &[]),
    row("nl", &[]),
    row("nn", SEARCH),
    row("om", &[]),
    row("or", &[]),
    row("pa", &[]),
    row("pl", &[]),
    row("ps", &[]),
    row("pt", &[]),
    row("ro", &[]),
    row("ru", &[]),
    row("se", SEARCH),
    row("si", &["dictionary"]),
    row("sk", SEARCH),
    row("sl", &[]),
    row("smn", SEARCH),
    row("sq", &[]),
    row("sr", &[]),
    row("sr_Latn", SEARCH),
    row("sv", SEARCH),
    row("sw", &[]),
    row("ta", &[]),
    row("te", &[]),
    row("th", &[]),
    row("to", &[]),
    row("tr", SEARCH),
    row("ug", &[]),
    row("uk", &[]),
    row("ur", &[]),
    row("vi", &["traditional"]),
    row("wae", &[]),
    row("yi", SEARCH),
    row("yo", &[]),
    row("zh", &["big5han", "gb2312han", "pinyin", "unihan", "zhuyin"]),
    row("zh_Hant", &["stroke"]),
    row("zu", &[]),
];

/// The locales whose rules in CLDR 29, which mongod's ICU has, ask for normalisation.
static NORMALIZING: &[&str] = &[
    "as", "bn", "el", "fa", "fa_AF", "gu", "he", "hi", "kn", "kok", "ml", "mr", "or", "pa", "ta", "te", "th", "ur",
    "vi", "yi",
];

/// A locale that mongod knows, with the variant chosen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Locale {
    name: &'static str,
    variant: Option<&'static str>,
}

impl Locale {
    /// The locale of this name: `de`, `de@collation=phonebook`.
    pub fn find(name: &str) -> Option<Locale> {
        let (base, variant) = match name.split_once("@collation=") {
            Some((base, variant)) => (base, Some(variant)),
            None => (name, None),
        };
        let row = LOCALES.iter().find(|row| row.name == base)?;
        let variant = match variant {
            None => None,
            Some(wanted) => Some(*row.variants.iter().find(|variant| **variant == wanted)?),
        };
        Some(Locale { name: row.name, variant })
    }

    /// The name of the known locale that a longer name begins with: what mongod offers instead of a name that is none.
    pub fn nearest(name: &str) -> Option<&'static str> {
        let base = name.split('@').next().unwrap_or_default();
        let row = LOCALES.iter().rev().find(|row| {
            base.strip_prefix(row.name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '-']))
        });
        row.map(|row| row.name)
    }

    /// The name, as requests write it.
    pub fn name(&self) -> Cow<'static, str> {
        match self.variant {
            None => Cow::Borrowed(self.name),
            Some(variant) => Cow::Owned(format!("{}@collation={variant}", self.name)),
        }
    }

    /// Whether accents count from the end of a string.
    pub(super) fn is_backwards(self) -> bool {
        self.name == "fr_CA"
    }

    /// Whether upper case sorts first.
    pub(super) fn is_upper_first(self) -> bool {
        matches!(self.name, "da" | "mt")
    }

    /// Whether spaces and punctuation only count at the fourth level.
    pub(super) fn is_shifted(self) -> bool {
        self.name == "th"
    }

    pub(super) fn is_normalizing(self) -> bool {
        NORMALIZING.contains(&self.name)
    }

    /// The same locale in ICU's terms.
    pub(super) fn to_icu(self) -> icu_locale_core::Locale {
        let mut tag = self.name.replace('_', "-");
        if let Some(variant) = self.variant {
            tag.push_str("-u-co-");
            tag.push_str(match variant {
                "phonebook" => "phonebk",
                "traditional" => "trad",
                "dictionary" => "dict",
                "gb2312han" => "gb2312",
                other => other,
            });
        }
        // A test parses them all; the root's rules stand in for a name that ICU could not read.
        tag.parse().unwrap_or(icu_locale_core::Locale::UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn icu_reads_every_name() {
        for row in LOCALES {
            let variants = row.variants.iter().map(|variant| format!("{}@collation={variant}", row.name));
            for name in variants.chain([row.name.to_owned()]) {
                let locale = Locale::find(&name).unwrap();
                assert_eq!(locale.name(), name);
                assert_ne!(locale.to_icu(), icu_locale_core::Locale::UNKNOWN, "{name}");
            }
        }
    }

    #[test]
    fn names_are_exact() {
        for name in ["", "EN", "en_GB", "en@collation=search", "de@collation=", "xx", "en-US", "simple"] {
            assert_eq!(Locale::find(name), None, "{name}");
        }
        assert_eq!(Locale::nearest("en_GB"), Some("en"));
        assert_eq!(Locale::nearest("en_US_POSIX_X"), Some("en_US_POSIX"));
        assert_eq!(Locale::nearest("invalid"), None);
    }
}
