//! Arithmetic: `$abs $add $ceil $divide $exp $floor $ln $log $log10 $mod $multiply $pow $round $sigmoid $sqrt $subtract
//! $trunc`.
//!
//! Every operator answers null when it meets a null or missing argument, and in the widest type among its arguments;
//! integers that outgrow their type become the next wider one. Where a decimal takes part, doubles count with their
//! first 15 digits.

use super::number::{Number, Width, int_value};
use super::row::row;
use super::{Args, Context, Function, build};
use crate::algo::decimal::{self, Rounding};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::value::{Decimal128, Tag, Value};

use super::display::describe;

/// The rows.
pub static FUNCTIONS: &[Function] = &[
    row!(
        "$abs",
        Args::Exactly(1),
        "The absolute value of a number.",
        [("{a: -3}", "{$abs: '$a'}", "3"), ("{}", "{$abs: '$a'}", "null")],
        abs
    ),
    row!(
        "$add",
        Args::Any,
        "The sum of numbers; with one date among them, the date that many milliseconds later.",
        [("{a: 1}", "{$add: ['$a', 2, 0.5]}", "3.5"), ("{a: 1}", "{$add: ['$a', '$b']}", "null")],
        add
    ),
    row!(
        "$ceil",
        Args::Exactly(1),
        "The smallest integer not below a number, in the number's type.",
        [("{a: 1.2}", "{$ceil: '$a'}", "2.0"), ("{a: -1.2}", "{$ceil: '$a'}", "-1.0")],
        ceil
    ),
    row!(
        "$divide",
        Args::Exactly(2),
        "The quotient of two numbers, a double or decimal.",
        [("{a: 1}", "{$divide: ['$a', 4]}", "0.25"), ("{a: null}", "{$divide: ['$a', 4]}", "null")],
        divide
    ),
    row!("$exp", Args::Exactly(1), "e to the power of a number.", [("{a: 0}", "{$exp: '$a'}", "1.0")], exp),
    row!(
        "$floor",
        Args::Exactly(1),
        "The largest integer not above a number, in the number's type.",
        [("{a: 1.8}", "{$floor: '$a'}", "1.0"), ("{a: 7}", "{$floor: '$a'}", "7")],
        floor
    ),
    row!("$ln", Args::Exactly(1), "The natural logarithm of a number.", [("{a: 1}", "{$ln: '$a'}", "0.0")], ln),
    row!(
        "$log",
        Args::Exactly(2),
        "The logarithm of a number to a base.",
        [("{a: 100}", "{$log: ['$a', 10]}", "2.0")],
        log
    ),
    row!(
        "$log10",
        Args::Exactly(1),
        "The logarithm of a number to the base 10.",
        [("{a: 1000}", "{$log10: '$a'}", "3.0")],
        log10
    ),
    row!(
        "$mod",
        Args::Exactly(2),
        "The remainder of a division, with the sign of the dividend.",
        [("{a: -7}", "{$mod: ['$a', 3]}", "-1"), ("{a: 7.5}", "{$mod: ['$a', 2]}", "1.5")],
        modulo
    ),
    row!(
        "$multiply",
        Args::Any,
        "The product of numbers.",
        [("{a: 3}", "{$multiply: ['$a', 2, 0.5]}", "3.0"), ("{a: 3}", "{$multiply: ['$a', '$b']}", "null")],
        multiply
    ),
    row!(
        "$pow",
        Args::Exactly(2),
        "A number raised to a power; integers stay integers while they fit.",
        [("{a: 2}", "{$pow: ['$a', 10]}", "1024"), ("{a: 2}", "{$pow: ['$a', -1]}", "0.5")],
        pow
    ),
    row!(
        "$round",
        Args::Between(1, 2),
        "A number rounded, ties to even, to a decimal place that may be negative.",
        [
            ("{a: 2.5}", "{$round: '$a'}", "2.0"),
            ("{a: 19.25}", "{$round: ['$a', 1]}", "19.2"),
            ("{a: 1555}", "{$round: ['$a', -2]}", "1600"),
        ],
        round
    ),
    row!(
        "$sigmoid",
        Args::Exactly(1),
        "The logistic function of a number, 1 / (1 + e^-x).",
        [("{a: 0}", "{$sigmoid: '$a'}", "0.5"), ("{a: null}", "{$sigmoid: {input: '$a', onNull: 1}}", "1")],
        sigmoid
    ),
    row!("$sqrt", Args::Exactly(1), "The square root of a number.", [("{a: 9}", "{$sqrt: '$a'}", "3.0")], sqrt),
    row!(
        "$subtract",
        Args::Exactly(2),
        "The difference of two numbers, of two dates in milliseconds, or the date that many milliseconds earlier.",
        [("{a: 5}", "{$subtract: ['$a', 2]}", "3"), ("{a: 5}", "{$subtract: ['$a', '$b']}", "null")],
        subtract
    ),
    row!(
        "$trunc",
        Args::Between(1, 2),
        "A number cut off at a decimal place that may be negative.",
        [("{a: -7.9}", "{$trunc: '$a'}", "-7.0"), ("{a: 19.29}", "{$trunc: ['$a', 1]}", "19.2")],
        trunc
    ),
];

/// The only argument as a number; `None` when it is null or missing, an error (28765) when it is anything else.
pub(super) fn numeric_argument(operator: &str, args: &[Value<'_>]) -> Result<Option<Number>> {
    let value = args[0];
    match Number::of(value) {
        Some(number) => Ok(Some(number)),
        None if value.is_nullish() => Ok(None),
        None => {
            let message = format!("{operator} only supports numeric types, not {}", value.tag().name());
            Err(Error::location(28765, message))
        }
    }
}

/// A function of one number that is computed in double, or in decimal for a decimal.
pub(super) fn real_function<'d>(
    ctx: &mut Context<'_, 'd>,
    number: Number,
    double: impl FnOnce(f64) -> f64,
    decimal: impl FnOnce(Decimal128) -> Decimal128,
) -> Value<'d> {
    match number {
        Number::Decimal(value) => build::decimal(ctx.arena, decimal(value)),
        other => Value::double(double(other.to_f64())),
    }
}

fn abs<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let Some(number) = numeric_argument("$abs", args)? else { return Ok(Value::NULL) };
    Ok(match number {
        Number::Int32(int) => int_value(i64::from(int).abs()),
        Number::Int64(int) => match int.checked_abs() {
            Some(magnitude) => Value::int64(magnitude),
            None => return Err(Error::location(28680, "can't take $abs of long long min")),
        },
        Number::Double(double) => Value::double(double.abs()),
        Number::Decimal(value) => build::decimal(ctx.arena, decimal::abs(value)),
    })
}

/// The running total of `$add` and `$multiply`, which widens as its operands do.
fn widen(total: Number, width: Width) -> Number {
    if total.width() >= width {
        return total;
    }
    match width {
        Width::Int32 | Width::Int64 => Number::Int64(total.to_i64_saturating()),
        Width::Double => Number::Double(total.to_f64()),
        Width::Decimal => Number::Decimal(total.to_decimal()),
    }
}

/// Two operands of one type, after the narrower was widened.
fn combine(
    a: Number,
    b: Number,
    integers: impl FnOnce(i64, i64) -> Option<i64>,
    doubles: impl FnOnce(f64, f64) -> f64,
    decimals: impl FnOnce(Decimal128, Decimal128) -> Decimal128,
) -> Number {
    match a.width().max(b.width()) {
        Width::Decimal => Number::Decimal(decimals(a.to_decimal(), b.to_decimal())),
        Width::Double => Number::Double(doubles(a.to_f64(), b.to_f64())),
        width => match integers(a.to_i64_saturating(), b.to_i64_saturating()) {
            Some(int) if width == Width::Int32 => Number::narrow(int),
            Some(int) => Number::Int64(int),
            None => Number::Double(doubles(a.to_f64(), b.to_f64())),
        },
    }
}

fn plus(a: Number, b: Number) -> Number {
    combine(a, b, i64::checked_add, |a, b| a + b, decimal::add)
}

fn add<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let mut total = Number::Int32(0);
    // int32 operands may pass through int64 and come back; the answer's type follows the operands, not the way.
    let mut width = Width::Int32;
    let mut is_date = false;
    for arg in args {
        let term = match (Number::of(*arg), arg.as_date_millis()) {
            (Some(number), _) => {
                width = width.max(number.width());
                number
            }
            (_, Some(_)) if is_date => {
                return Err(Error::location(16612, "only one date allowed in an $add expression"));
            }
            (_, Some(millis)) => {
                is_date = true;
                Number::Int64(millis)
            }
            _ if arg.is_nullish() => return Ok(Value::NULL),
            _ => {
                let message = format!("$add only supports numeric or date types, not {}", arg.tag().name());
                return Err(Error::type_mismatch(message));
            }
        };
        total = plus(widen(total, width), term);
    }
    if is_date {
        let overflow = || Error::new(Code::OVERFLOW, "date overflow in $add");
        return to_millis(total).map(Value::date_time).ok_or_else(overflow);
    }
    Ok(match total {
        Number::Int64(int) if width == Width::Int32 => int_value(int),
        other => other.value(ctx.arena),
    })
}

/// Milliseconds rounded to an integer, when an int64 holds them.
fn to_millis(number: Number) -> Option<i64> {
    match number {
        Number::Double(double) => Number::Double(double.round()).to_i64_exact(),
        Number::Decimal(value) => decimal::to_i64_rounded(value),
        other => other.to_i64_exact(),
    }
}

fn multiply<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let mut total = Number::Int32(1);
    let mut width = Width::Int32;
    for arg in args {
        let Some(factor) = Number::of(*arg) else {
            if arg.is_nullish() {
                return Ok(Value::NULL);
            }
            let message = format!("$multiply only supports numeric types, not {}", arg.tag().name());
            return Err(Error::type_mismatch(message));
        };
        width = width.max(factor.width());
        total = combine(widen(total, width), factor, i64::checked_mul, |a, b| a * b, decimal::mul);
    }
    Ok(match total {
        Number::Int64(int) if width == Width::Int32 => int_value(int),
        other => other.value(ctx.arena),
    })
}

fn subtract<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let (left, right) = (args[0], args[1]);
    if let (Some(a), Some(b)) = (Number::of(left), Number::of(right)) {
        return Ok(combine(a, b, i64::checked_sub, |a, b| a - b, decimal::sub).value(ctx.arena));
    }
    if left.is_nullish() || right.is_nullish() {
        return Ok(Value::NULL);
    }
    let overflow = || Error::new(Code::OVERFLOW, "date overflow in $subtract");
    let mismatch =
        |from: &str| Err(Error::type_mismatch(format!("can't $subtract {} from {from}", right.tag().name())));
    match (left.as_date_millis(), right.as_date_millis(), Number::of(right)) {
        (Some(a), Some(b), _) => a.checked_sub(b).map(Value::int64).ok_or_else(overflow),
        (Some(a), _, Some(b)) => to_millis(b).and_then(|b| a.checked_sub(b)).map(Value::date_time).ok_or_else(overflow),
        _ => mismatch(left.tag().name()),
    }
}

/// Both arguments as numbers; `Ok(None)` when one is null or missing and neither is of another type.
fn two_numbers(operator: &str, code: Code, args: &[Value<'_>]) -> Result<Option<(Number, Number)>> {
    let (left, right) = (args[0], args[1]);
    match (Number::of(left), Number::of(right)) {
        (Some(a), Some(b)) => Ok(Some((a, b))),
        _ if left.is_nullish() || right.is_nullish() => Ok(None),
        _ => {
            let (left, right) = (left.tag().name(), right.tag().name());
            Err(Error::new(code, format!("{operator} only supports numeric types, not {left} and {right}")))
        }
    }
}

fn divide<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let Some((a, b)) = two_numbers("$divide", Code::TYPE_MISMATCH, args)? else { return Ok(Value::NULL) };
    let by_zero = || Err(Error::bad_value("can't $divide by zero").or_in_group(4_848_401));
    if a.width().max(b.width()) == Width::Decimal {
        let divisor = b.to_decimal();
        if decimal::is_zero(divisor) {
            return by_zero();
        }
        return Ok(build::decimal(ctx.arena, decimal::div(a.to_decimal(), divisor)));
    }
    let divisor = b.to_f64();
    if divisor == 0.0 { by_zero() } else { Ok(Value::double(a.to_f64() / divisor)) }
}

fn modulo<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let Some((a, b)) = two_numbers("$mod", Code(16611), args)? else { return Ok(Value::NULL) };
    let by_zero = || Err(Error::location(16610, "can't $mod by zero").or_in_group(4_848_403));
    if a.width().max(b.width()) == Width::Decimal {
        let divisor = b.to_decimal();
        if decimal::is_zero(divisor) {
            return by_zero();
        }
        return Ok(build::decimal(ctx.arena, decimal::rem(a.to_decimal(), divisor)));
    }
    if b.to_f64() == 0.0 {
        return by_zero();
    }
    match (a.width(), b.width(), b.to_i32_exact()) {
        // An integer keeps its type when the divisor is a double with an int32's value.
        (Width::Double, _, _) | (_, Width::Double, None) => Ok(Value::double(a.to_f64() % b.to_f64())),
        (a_width, b_width, _) => {
            let remainder = a.to_i64_saturating().wrapping_rem(b.to_i64_saturating());
            let long = a_width == Width::Int64 || b_width == Width::Int64;
            Ok(if long { Value::int64(remainder) } else { int_value(remainder) })
        }
    }
}

fn ceil<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    to_integral(ctx, "$ceil", args, f64::ceil, decimal::ceil)
}

fn floor<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    to_integral(ctx, "$floor", args, f64::floor, decimal::floor)
}

fn to_integral<'d>(
    ctx: &mut Context<'_, 'd>,
    operator: &str,
    args: &[Value<'d>],
    double: fn(f64) -> f64,
    decimal: fn(Decimal128) -> Decimal128,
) -> Result<Value<'d>> {
    Ok(match numeric_argument(operator, args)? {
        None => Value::NULL,
        Some(Number::Double(value)) => Value::double(double(value)),
        Some(Number::Decimal(value)) => build::decimal(ctx.arena, decimal(value)),
        Some(_) => args[0],
    })
}

fn exp<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let Some(number) = numeric_argument("$exp", args)? else { return Ok(Value::NULL) };
    Ok(real_function(ctx, number, f64::exp, decimal::exp))
}

fn sigmoid<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let value = args[0];
    let Some(number) = Number::of(value) else {
        if value.is_nullish() {
            return Ok(Value::NULL);
        }
        let message = format!("$sigmoid only supports numeric types, not {}", value.tag().name());
        return Err(Error::type_mismatch(message));
    };
    let one = decimal::small(1);
    Ok(real_function(
        ctx,
        number,
        |x| 1.0 / (1.0 + (-x).exp()),
        |x| decimal::div(one, decimal::add(one, decimal::exp(decimal::neg(x)))),
    ))
}

fn sqrt<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let Some(number) = numeric_argument("$sqrt", args)? else { return Ok(Value::NULL) };
    let negative = match number {
        Number::Decimal(value) => decimal::is_negative(value),
        other => other.to_f64() < 0.0,
    };
    if negative {
        return Err(Error::location(28714, "$sqrt's argument must be greater than or equal to 0"));
    }
    Ok(real_function(ctx, number, f64::sqrt, decimal::sqrt))
}

/// Whether a logarithm of the number exists; NaN counts, its logarithm is NaN.
fn is_positive(number: Number) -> bool {
    match number {
        Number::Decimal(value) => value.is_nan() || !(decimal::is_zero(value) || decimal::is_negative(value)),
        other => other.to_f64() > 0.0 || other.to_f64().is_nan(),
    }
}

fn logarithm<'d>(
    ctx: &mut Context<'_, 'd>,
    operator: &str,
    code: i32,
    args: &[Value<'d>],
    double: fn(f64) -> f64,
    decimal: fn(Decimal128) -> Decimal128,
) -> Result<Value<'d>> {
    let Some(number) = numeric_argument(operator, args)? else { return Ok(Value::NULL) };
    if !is_positive(number) {
        let message = format!("{operator}'s argument must be a positive number, but is {}", describe(args[0]));
        return Err(Error::location(code, message));
    }
    // NaN is a double here, whichever type it came in.
    let number = if number.to_f64().is_nan() { Number::Double(f64::NAN) } else { number };
    Ok(real_function(ctx, number, double, decimal))
}

fn ln<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    logarithm(ctx, "$ln", 28766, args, f64::ln, decimal::ln)
}

fn log10<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    logarithm(ctx, "$log10", 28761, args, f64::log10, decimal::log10)
}

fn log<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let (value, base) = (args[0], args[1]);
    if value.is_nullish() || base.is_nullish() {
        return Ok(Value::NULL);
    }
    let not_numeric = |code, what: &str, value: Value<'_>| {
        Error::location(code, format!("$log's {what} must be numeric, not {}", value.tag().name()))
    };
    let number = Number::of(value).ok_or_else(|| not_numeric(28756, "argument", value))?;
    let base_number = Number::of(base).ok_or_else(|| not_numeric(28757, "base", base))?;
    if !is_positive(number) {
        let message = format!("$log's argument must be a positive number, but is {}", describe(value));
        return Err(Error::location(28758, message));
    }
    if !is_positive(base_number) || base_number.to_i64_exact() == Some(1) {
        let message = format!("$log's base must be a positive number not equal to 1, but is {}", describe(base));
        return Err(Error::location(28759, message));
    }
    let is_nan = number.to_f64().is_nan() || base_number.to_f64().is_nan();
    if is_nan || number.width().max(base_number.width()) < Width::Decimal {
        return Ok(Value::double(number.to_f64().ln() / base_number.to_f64().ln()));
    }
    let (number, base) = (number.to_decimal(), base_number.to_decimal());
    Ok(build::decimal(ctx.arena, decimal::div(decimal::ln(number), decimal::ln(base))))
}

fn pow<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let (base, exponent) = (args[0], args[1]);
    if base.is_nullish() || exponent.is_nullish() {
        return Ok(Value::NULL);
    }
    let not_numeric = |code, what: &str, value: Value<'_>| {
        Error::location(code, format!("$pow's {what} must be numeric, not {}", value.tag().name()))
    };
    let base = Number::of(base).ok_or_else(|| not_numeric(28762, "base", base))?;
    let exponent = Number::of(exponent).ok_or_else(|| not_numeric(28763, "exponent", exponent))?;
    let width = base.width().max(exponent.width());
    let zero_to_negative = match width {
        Width::Decimal => decimal::is_zero(base.to_decimal()) && decimal::is_negative(exponent.to_decimal()),
        _ => base.to_f64() == 0.0 && exponent.to_f64() < 0.0,
    };
    if zero_to_negative {
        return Err(Error::location(28764, "$pow cannot take a base of 0 and a negative exponent"));
    }
    let double = || Value::double(base.to_f64().powf(exponent.to_f64()));
    Ok(match width {
        Width::Decimal => build::decimal(ctx.arena, decimal::pow(base.to_decimal(), exponent.to_decimal())),
        Width::Double => double(),
        _ => match integer_power(base.to_i64_saturating(), exponent.to_i64_saturating()) {
            Some(power) if width == Width::Int32 => int_value(power),
            Some(power) => Value::int64(power),
            None => double(),
        },
    })
}

/// The power, when it is an integer that an int64 holds.
fn integer_power(base: i64, exponent: i64) -> Option<i64> {
    match (base, u32::try_from(exponent)) {
        (0, _) => Some(i64::from(exponent == 0)),
        (1, _) => Some(1),
        (-1, _) => Some(if exponent % 2 == 0 { 1 } else { -1 }),
        (_, Ok(exponent)) => base.checked_pow(exponent),
        (_, Err(_)) => None,
    }
}

fn round<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    at_place(ctx, "$round", args, Rounding::HalfEven, f64::round_ties_even)
}

fn trunc<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    at_place(ctx, "$trunc", args, Rounding::Truncate, f64::trunc)
}

/// Decimal places that `$round` and `$trunc` accept.
const PLACES: std::ops::RangeInclusive<i64> = -20..=100;

fn at_place<'d>(
    ctx: &mut Context<'_, 'd>,
    operator: &str,
    args: &[Value<'d>],
    rounding: Rounding,
    integral: fn(f64) -> f64,
) -> Result<Value<'d>> {
    let value = args[0];
    if value.is_nullish() {
        return Ok(Value::NULL);
    }
    let Some(number) = Number::of(value) else {
        let message = format!("{operator} only supports numeric types, not {}", value.tag().name());
        return Err(Error::location(51081, message));
    };
    let place = match args.get(1) {
        None => 0,
        Some(place) if place.is_nullish() => return Ok(Value::NULL),
        Some(place) => parse_place(operator, *place)?,
    };
    match number {
        Number::Int32(_) | Number::Int64(_) if place >= 0 => Ok(value),
        Number::Int32(_) | Number::Int64(_) => {
            let rounded = decimal::quantize(number.to_decimal(), -place, rounding);
            let Some(int) = Number::Decimal(rounded).to_i64_exact() else {
                let arguments = args.iter().map(|arg| describe(*arg)).collect::<Vec<_>>().join(", ");
                let message = format!(
                    "invalid conversion from Decimal128 result in {operator} resulting from arguments: [{arguments}]"
                );
                return Err(Error::location(51080, message));
            };
            Ok(if value.tag() == Tag::Int32 { int_value(int) } else { Value::int64(int) })
        }
        Number::Double(double) if place == 0 || !double.is_finite() => Ok(Value::double(integral(double))),
        Number::Double(double) => {
            let rounded = decimal::quantize(Decimal128::from_f64(double), -place, rounding);
            // The place lies beyond the number's digits: there is nothing to round away.
            Ok(if rounded.is_nan() { value } else { Value::double(rounded.to_f64()) })
        }
        Number::Decimal(value) if place == 0 => Ok(build::decimal(ctx.arena, decimal::integral(value, rounding))),
        Number::Decimal(decimal) => {
            let rounded = decimal::quantize(decimal, -place, rounding);
            Ok(if rounded.is_nan() { value } else { build::decimal(ctx.arena, rounded) })
        }
    }
}

fn parse_place(operator: &str, value: Value<'_>) -> Result<i32> {
    let Some(number) = Number::of(value) else {
        let message = format!("can't convert from BSON type {} to long", value.tag().name());
        return Err(Error::location(16004, message));
    };
    if matches!(number, Number::Double(double) if double.is_nan() || double.abs() >= 2f64.powi(63)) {
        let message = format!("Can't coerce out of range value {} to long", describe(value));
        return Err(Error::location(31109, message));
    }
    let Some(place) = number.to_i64_exact() else {
        return Err(Error::location(51082, format!("{operator} requires an integral precision")));
    };
    match i32::try_from(place) {
        Ok(in_range) if PLACES.contains(&place) => Ok(in_range),
        _ => {
            let message = format!("cannot apply {operator} with precision value {place} value must be in [-20, 100]");
            Err(Error::location(51083, message))
        }
    }
}
