//! Collation documents: checked and completed with what their locale has by default.

use std::sync::Arc;

use smongo_vm::collation::{Alternate, CaseFirst, Collation, CollationOptions, Locale, MaxVariable, VERSION};
use smongo_vm::value::extjson::to_string_relaxed;
use smongo_vm::value::{Element, RawDoc, Tag, Value};
use smongo_vm::{Code, Error, Result};

/// mongod's code for a field that a collation document does not have.
const UNKNOWN_FIELD: i32 = 40415;
/// mongod's code for a required field that is missing.
const MISSING_FIELD: i32 = 40414;
/// mongod's code for a field given twice.
const DUPLICATE_FIELD: i32 = 40413;

/// The locale that stands for bytewise comparison.
const SIMPLE: &str = "simple";

/// The fields as given, before the locale's defaults.
#[derive(Default)]
struct Given<'d> {
    locale: Option<&'d str>,
    case_level: Option<bool>,
    case_first: Option<CaseFirst>,
    strength: Option<u8>,
    numeric_ordering: Option<bool>,
    alternate: Option<Alternate>,
    max_variable: Option<MaxVariable>,
    normalization: Option<bool>,
    backwards: Option<bool>,
    version: Option<&'d str>,
}

/// The collation that a document describes; `None` for `{locale: "simple"}`.
pub fn parse(spec: &RawDoc) -> Result<Option<Arc<Collation>>> {
    let given = Given::of(spec)?;
    let Some(name) = given.locale else {
        return Err(Error::location(MISSING_FIELD, "BSON field 'collation.locale' is missing but a required field"));
    };
    if name == SIMPLE {
        return Ok(None);
    }
    let locale = Locale::find(name).ok_or_else(|| no_such_locale(name, spec))?;
    if let Some(version) = given.version.filter(|version| *version != VERSION) {
        let message =
            format!("Requested collation version {version} but the only available collator version was {VERSION}");
        return Err(Error::new(Code::INCOMPATIBLE_COLLATION_VERSION, message));
    }
    let options = given.complete(locale);
    check(&options, spec)?;
    Collation::new(options).map(|collation| Some(Arc::new(collation)))
}

impl<'d> Given<'d> {
    fn of(spec: &'d RawDoc) -> Result<Self> {
        let mut given = Self::default();
        for (at, field) in spec.iter().enumerate() {
            if spec.iter().take(at).any(|earlier| earlier.name() == field.name()) {
                let message = format!("BSON field 'collation.{}' is a duplicate field", field.name_str());
                return Err(Error::location(DUPLICATE_FIELD, message));
            }
            given.take(&field)?;
        }
        Ok(given)
    }

    /// Takes a field; null counts as absent.
    fn take(&mut self, field: &Element<'d>) -> Result<()> {
        match field.name_str() {
            "locale" => self.locale = Some(text(field)?),
            "caseLevel" => self.case_level = flag(field)?,
            "caseFirst" => {
                let choices = [("off", CaseFirst::Off), ("upper", CaseFirst::Upper), ("lower", CaseFirst::Lower)];
                self.case_first = choice(field, &choices)?;
            }
            "strength" => self.strength = strength(field)?,
            "numericOrdering" => self.numeric_ordering = flag(field)?,
            "alternate" => {
                let choices = [("non-ignorable", Alternate::NonIgnorable), ("shifted", Alternate::Shifted)];
                self.alternate = choice(field, &choices)?;
            }
            "maxVariable" => {
                let choices = [("punct", MaxVariable::Punct), ("space", MaxVariable::Space)];
                self.max_variable = choice(field, &choices)?;
            }
            "normalization" => self.normalization = flag(field)?,
            "backwards" => self.backwards = flag(field)?,
            "version" => self.version = if is_absent(field.value()) { None } else { Some(text(field)?) },
            other => {
                return Err(Error::location(
                    UNKNOWN_FIELD,
                    format!("BSON field 'collation.{other}' is an unknown field."),
                ));
            }
        }
        Ok(())
    }

    fn complete(&self, locale: Locale) -> CollationOptions {
        let default = CollationOptions::of(locale);
        CollationOptions {
            locale,
            case_level: self.case_level.unwrap_or(default.case_level),
            case_first: self.case_first.unwrap_or(default.case_first),
            strength: self.strength.unwrap_or(default.strength),
            numeric_ordering: self.numeric_ordering.unwrap_or(default.numeric_ordering),
            alternate: self.alternate.unwrap_or(default.alternate),
            max_variable: self.max_variable.unwrap_or(default.max_variable),
            normalization: self.normalization.unwrap_or(default.normalization),
            backwards: self.backwards.unwrap_or(default.backwards),
        }
    }
}

/// What options ask of each other.
fn check(options: &CollationOptions, spec: &RawDoc) -> Result<()> {
    if options.backwards && options.strength == 1 {
        return Err(Error::bad_value(format!("'backwards' is invalid with 'strength' of 1: {}", shown(spec))));
    }
    if options.case_first != CaseFirst::Off && !options.case_level && options.strength < 3 {
        return Err(Error::bad_value(format!(
            "'caseFirst' is invalid unless 'caseLevel' is on or 'strength' is greater than 2: {}",
            shown(spec)
        )));
    }
    Ok(())
}

fn shown(spec: &RawDoc) -> String {
    to_string_relaxed(Value::document(spec))
}

fn no_such_locale(name: &str, spec: &RawDoc) -> Error {
    let spec = shown(spec);
    if name.is_empty() {
        return Error::bad_value(format!("Field 'locale' cannot be the empty string in: {spec}"));
    }
    match Locale::nearest(name) {
        Some(known) => Error::bad_value(format!("Field 'locale' is invalid in: {spec}. Did you mean '{known}'?")),
        None => Error::bad_value(format!("Field 'locale' is invalid in: {spec}")),
    }
}

fn is_absent(value: Value<'_>) -> bool {
    matches!(value.tag(), Tag::Null | Tag::Undefined)
}

fn wrong_type(field: &Element<'_>, expected: &str) -> Error {
    let (name, found) = (field.name_str(), field.value().tag().name());
    Error::type_mismatch(format!("BSON field 'collation.{name}' is the wrong type '{found}', expected {expected}"))
}

fn text<'d>(field: &Element<'d>) -> Result<&'d str> {
    field.value().as_str().ok_or_else(|| wrong_type(field, "type 'string'"))
}

fn flag(field: &Element<'_>) -> Result<Option<bool>> {
    if is_absent(field.value()) {
        return Ok(None);
    }
    field.value().as_bool().map(Some).ok_or_else(|| wrong_type(field, "type 'bool'"))
}

fn choice<T: Copy>(field: &Element<'_>, choices: &[(&str, T)]) -> Result<Option<T>> {
    if is_absent(field.value()) {
        return Ok(None);
    }
    let name = text(field)?;
    match choices.iter().find(|(choice, _)| *choice == name) {
        Some((_, value)) => Ok(Some(*value)),
        None => Err(no_such_choice(field, name)),
    }
}

fn strength(field: &Element<'_>) -> Result<Option<u8>> {
    let value = field.value();
    if is_absent(value) {
        return Ok(None);
    }
    let number = value.as_integer().or_else(|| value.as_double().filter(|d| d.fract() == 0.0).map(|d| d as i64));
    match number {
        Some(number @ 1..=5) => Ok(Some(number as u8)),
        Some(number) => Err(no_such_choice(field, &number.to_string())),
        None => Err(wrong_type(field, "types '[int, decimal, double, long]'")),
    }
}

fn no_such_choice(field: &Element<'_>, value: &str) -> Error {
    let name = field.name_str();
    Error::bad_value(format!("Enumeration value '{value}' for field 'collation.{name}' is not a valid value."))
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::extjson::parse_doc;
    use smongo_vm::value::{DocBuf, equal};

    use super::*;

    fn complete(spec: &str) -> Result<Option<DocBuf>> {
        let found = parse(&parse_doc(spec).unwrap())?;
        Ok(found.map(|collation| collation.options().to_doc()))
    }

    /// The whole document (manual: "Collation", "Create a Collection with Default Collation").
    #[test]
    fn replies_show_every_option() {
        let shown = "{locale: 'en', caseLevel: false, caseFirst: 'off', strength: 3, numericOrdering: false, \
                     alternate: 'non-ignorable', maxVariable: 'punct', normalization: false, backwards: false, \
                     version: '57.1'}";
        assert_eq!(complete("{locale: 'en'}"), Ok(Some(parse_doc(shown).unwrap())));
        assert_eq!(complete(shown), Ok(Some(parse_doc(shown).unwrap())));
        assert_eq!(complete("{locale: 'simple', strength: 1, backwards: true}"), Ok(None));
    }

    /// Defaults by locale (manual: "Collation Default Parameters").
    #[test]
    fn a_locale_brings_its_defaults() {
        for (spec, name, value) in [
            ("{locale: 'fr_CA'}", "backwards", Value::TRUE),
            ("{locale: 'fr'}", "backwards", Value::FALSE),
            ("{locale: 'da'}", "caseFirst", Value::string("upper")),
            ("{locale: 'da', caseFirst: 'off'}", "caseFirst", Value::string("off")),
            ("{locale: 'th'}", "alternate", Value::string("shifted")),
            ("{locale: 'vi'}", "normalization", Value::TRUE),
            ("{locale: 'fr', strength: 2.0, caseLevel: null}", "strength", Value::int32(2)),
            ("{locale: 'de@collation=phonebook'}", "locale", Value::string("de@collation=phonebook")),
        ] {
            let found = complete(spec).unwrap().unwrap();
            assert!(equal(found.get(name).unwrap(), value), "{spec}");
        }
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (spec, code) in [
            ("{}", 40414),
            ("{strength: 2}", 40414),
            ("{locale: 1}", 14),
            ("{locale: null}", 14),
            ("{locale: ''}", 2),
            ("{locale: 'xx'}", 2),
            ("{locale: 'en_GB'}", 2),
            ("{locale: 'en', strength: 0}", 2),
            ("{locale: 'en', strength: 6}", 2),
            ("{locale: 'en', strength: 'a'}", 14),
            ("{locale: 'en', caseFirst: 'both'}", 2),
            ("{locale: 'en', caseFirst: 'upper', strength: 2}", 2),
            ("{locale: 'en', backwards: true, strength: 1}", 2),
            ("{locale: 'en', caseLevel: 1}", 14),
            ("{locale: 'en', other: 1}", 40415),
            ("{locale: 'en', locale: 'en'}", 40413),
            ("{locale: 'en', version: '1'}", 161),
        ] {
            assert_eq!(complete(spec).map_err(|error| error.code().0), Err(code), "{spec}");
        }
    }
}
