//! Trigonometry: angles in radians, doubles for every argument but decimals.
//!
//! Null and missing give null, NaN gives NaN, and an argument outside of a function's domain fails with 50989.

use super::arith::{numeric_argument, real_function};
use super::display::describe;
use super::number::{Number, Width};
use super::row::row;
use super::{Args, Context, Function, build};
use crate::algo::decimal;
use crate::error::{Error, Result};
use crate::value::{Decimal128, Value};

/// The rows.
pub static FUNCTIONS: &[Function] = &[
    row!("$acos", Args::Exactly(1), "The arc cosine of a number.", [("{a: 1}", "{$acos: '$a'}", "0.0")], acos),
    row!(
        "$acosh",
        Args::Exactly(1),
        "The inverse hyperbolic cosine of a number.",
        [("{a: 1}", "{$acosh: '$a'}", "0.0")],
        acosh
    ),
    row!("$asin", Args::Exactly(1), "The arc sine of a number.", [("{a: 0}", "{$asin: '$a'}", "0.0")], asin),
    row!(
        "$asinh",
        Args::Exactly(1),
        "The inverse hyperbolic sine of a number.",
        [("{a: 0}", "{$asinh: '$a'}", "0.0")],
        asinh
    ),
    row!("$atan", Args::Exactly(1), "The arc tangent of a number.", [("{a: 0}", "{$atan: '$a'}", "0.0")], atan),
    row!(
        "$atan2",
        Args::Exactly(2),
        "The angle of the point with the coordinates y and x.",
        [("{y: 0, x: 1}", "{$atan2: ['$y', '$x']}", "0.0")],
        atan2
    ),
    row!(
        "$atanh",
        Args::Exactly(1),
        "The inverse hyperbolic tangent of a number.",
        [("{a: 0}", "{$atanh: '$a'}", "0.0"), ("{a: 1}", "{$atanh: '$a'}", "{$numberDouble: 'Infinity'}")],
        atanh
    ),
    row!("$cos", Args::Exactly(1), "The cosine of an angle.", [("{a: 0}", "{$cos: '$a'}", "1.0")], cos),
    row!("$cosh", Args::Exactly(1), "The hyperbolic cosine of a number.", [("{a: 0}", "{$cosh: '$a'}", "1.0")], cosh),
    row!(
        "$degreesToRadians",
        Args::Exactly(1),
        "An angle in degrees as radians.",
        [("{a: 180}", "{$degreesToRadians: '$a'}", "3.141592653589793")],
        degrees_to_radians
    ),
    row!(
        "$radiansToDegrees",
        Args::Exactly(1),
        "An angle in radians as degrees.",
        [("{a: 0}", "{$radiansToDegrees: '$a'}", "0.0")],
        radians_to_degrees
    ),
    row!("$sin", Args::Exactly(1), "The sine of an angle.", [("{a: 0}", "{$sin: '$a'}", "0.0")], sin),
    row!("$sinh", Args::Exactly(1), "The hyperbolic sine of a number.", [("{a: 0}", "{$sinh: '$a'}", "0.0")], sinh),
    row!("$tan", Args::Exactly(1), "The tangent of an angle.", [("{a: 0}", "{$tan: '$a'}", "0.0")], tan),
    row!("$tanh", Args::Exactly(1), "The hyperbolic tangent of a number.", [("{a: 0}", "{$tanh: '$a'}", "0.0")], tanh),
];

/// Where a function is defined: bounds that belong to the domain, as messages show them.
struct Domain {
    least: f64,
    most: f64,
    text: &'static str,
}

/// Every finite number.
const FINITE: Domain = Domain { least: f64::MIN, most: f64::MAX, text: "(-inf,inf)" };
const UNIT: Domain = Domain { least: -1.0, most: 1.0, text: "[-1,1]" };
const FROM_ONE: Domain = Domain { least: 1.0, most: f64::INFINITY, text: "[1,inf]" };
const EVERYTHING: Domain = Domain { least: f64::NEG_INFINITY, most: f64::INFINITY, text: "[-inf,inf]" };

impl Domain {
    fn contains(&self, number: Number) -> bool {
        match number {
            Number::Decimal(value) if value.is_nan() => true,
            // The bounds that occur are integers or stand for infinity, so that doubles decide about decimals too:
            // a decimal beyond a double's range is finite, yet not in another domain.
            Number::Decimal(value) if std::ptr::eq(self.text, FINITE.text) => decimal::is_finite(value),
            Number::Decimal(value) => {
                value.compare(Decimal128::from_f64(self.least)).is_ge()
                    && value.compare(Decimal128::from_f64(self.most)).is_le()
            }
            other => other.to_f64().is_nan() || (self.least..=self.most).contains(&other.to_f64()),
        }
    }
}

fn function<'d>(
    ctx: &mut Context<'_, 'd>,
    operator: &str,
    args: &[Value<'d>],
    domain: &Domain,
    double: fn(f64) -> f64,
    decimal: fn(Decimal128) -> Decimal128,
) -> Result<Value<'d>> {
    let Some(number) = numeric_argument(operator, args)? else { return Ok(Value::NULL) };
    if !domain.contains(number) {
        let message = format!("cannot apply {operator} to {}, value must be in {}", describe(args[0]), domain.text);
        return Err(Error::location(50989, message));
    }
    Ok(real_function(ctx, number, double, decimal))
}

macro_rules! functions {
    ($($name:ident $operator:literal $domain:ident;)*) => {
        $(
            fn $name<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
                function(ctx, $operator, args, &$domain, f64::$name, decimal::$name)
            }
        )*
    };
}

functions! {
    acos "$acos" UNIT;
    acosh "$acosh" FROM_ONE;
    asin "$asin" UNIT;
    asinh "$asinh" EVERYTHING;
    atan "$atan" EVERYTHING;
    atanh "$atanh" UNIT;
    cos "$cos" FINITE;
    cosh "$cosh" EVERYTHING;
    sin "$sin" FINITE;
    sinh "$sinh" EVERYTHING;
    tan "$tan" FINITE;
    tanh "$tanh" EVERYTHING;
}

fn atan2<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let (y, x) = (args[0], args[1]);
    if y.is_nullish() || x.is_nullish() {
        return Ok(Value::NULL);
    }
    let number = |value: Value<'_>, code| {
        Number::of(value).ok_or_else(|| {
            Error::location(code, format!("$atan2 only supports numeric types, not {}", value.tag().name()))
        })
    };
    let (y, x) = (number(y, 51044)?, number(x, 51045)?);
    Ok(match y.width().max(x.width()) {
        Width::Decimal => build::decimal(ctx.arena, decimal::atan2(y.to_decimal(), x.to_decimal())),
        _ => Value::double(y.to_f64().atan2(x.to_f64())),
    })
}

fn degrees_to_radians<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    scaled(ctx, "$degreesToRadians", args, std::f64::consts::PI / 180.0, "0.01745329251994329576923690768488613")
}

fn radians_to_degrees<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    scaled(ctx, "$radiansToDegrees", args, 180.0 / std::f64::consts::PI, "57.29577951308232087679815481410517")
}

fn scaled<'d>(
    ctx: &mut Context<'_, 'd>,
    operator: &str,
    args: &[Value<'d>],
    factor: f64,
    exact_factor: &str,
) -> Result<Value<'d>> {
    let Some(number) = numeric_argument(operator, args)? else { return Ok(Value::NULL) };
    let exact = Decimal128::parse(exact_factor).unwrap_or(Decimal128::NAN);
    Ok(real_function(ctx, number, |x| x * factor, |x| decimal::mul(x, exact)))
}
