//! Intervals of values in the order of an index, and sets of them.

use std::cmp::Ordering;
use std::fmt;

use smongo_vm::value::{OwnedValue, Tag, Value, canonical_type, compare};

/// Values between two ends, in the order that spans all types. The start is at or before the end.
#[derive(Clone, Debug)]
pub struct Interval {
    /// The least value.
    pub start: OwnedValue,
    /// Whether the least value belongs to the interval.
    pub start_inclusive: bool,
    /// The greatest value.
    pub end: OwnedValue,
    /// Whether the greatest value belongs to the interval.
    pub end_inclusive: bool,
}

/// A set of values: intervals in ascending order that do not overlap.
#[derive(Clone, Debug)]
pub struct Intervals(Vec<Interval>);

impl Interval {
    /// From `start` to `end`, each with whether it belongs.
    pub fn new(start: (Value<'_>, bool), end: (Value<'_>, bool)) -> Self {
        Self { start: start.0.into(), start_inclusive: start.1, end: end.0.into(), end_inclusive: end.1 }
    }

    /// Whether the interval holds values that all compare equal.
    pub fn is_point(&self) -> bool {
        compare(self.start.get(), self.end.get()).is_eq()
    }

    /// Whether every value lies in the interval.
    pub fn is_full(&self) -> bool {
        let ends =
            [(&self.start, self.start_inclusive, Value::MIN_KEY), (&self.end, self.end_inclusive, Value::MAX_KEY)];
        ends.iter().all(|(end, inclusive, limit)| *inclusive && compare(end.get(), *limit).is_eq())
    }

    /// Whether nothing lies in the interval.
    fn is_empty(&self) -> bool {
        match compare(self.start.get(), self.end.get()) {
            Ordering::Less => false,
            Ordering::Equal => !(self.start_inclusive && self.end_inclusive),
            Ordering::Greater => true,
        }
    }

    /// Orders by start.
    fn compare_start(&self, other: &Self) -> Ordering {
        compare(self.start.get(), other.start.get()).then(other.start_inclusive.cmp(&self.start_inclusive))
    }

    /// Orders by end.
    fn compare_end(&self, other: &Self) -> Ordering {
        compare(self.end.get(), other.end.get()).then(self.end_inclusive.cmp(&other.end_inclusive))
    }

    /// Whether no value lies between this interval and one that starts later, so that the two make one.
    fn reaches(&self, later: &Self) -> bool {
        match compare(self.end.get(), later.start.get()) {
            Ordering::Less => false,
            Ordering::Equal => self.end_inclusive || later.start_inclusive,
            Ordering::Greater => true,
        }
    }
}

impl Intervals {
    /// All values.
    pub fn full() -> Self {
        Self(vec![Interval::new((Value::MIN_KEY, true), (Value::MAX_KEY, true))])
    }

    /// The values equal to one.
    pub fn point(value: Value<'_>) -> Self {
        Self(vec![Interval::new((value, true), (value, true))])
    }

    /// The values of several intervals, in any order.
    pub fn union(intervals: impl IntoIterator<Item = Interval>) -> Self {
        let mut sorted: Vec<Interval> = intervals.into_iter().filter(|interval| !interval.is_empty()).collect();
        sorted.sort_by(Interval::compare_start);
        let mut merged: Vec<Interval> = Vec::with_capacity(sorted.len());
        for interval in sorted {
            match merged.last_mut().filter(|last| last.reaches(&interval)) {
                Some(last) if last.compare_end(&interval).is_lt() => {
                    last.end = interval.end;
                    last.end_inclusive = interval.end_inclusive;
                }
                Some(_) => {}
                None => merged.push(interval),
            }
        }
        Self(merged)
    }

    /// The values that both sets have.
    pub fn intersect(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        let (mut mine, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(a), Some(b)) = (mine.peek(), theirs.peek()) {
            let start = if a.compare_start(b).is_lt() { b } else { a };
            let end = if a.compare_end(b).is_lt() { a } else { b };
            let common = Interval {
                start: start.start.clone(),
                start_inclusive: start.start_inclusive,
                end: end.end.clone(),
                end_inclusive: end.end_inclusive,
            };
            if !common.is_empty() {
                both.push(common);
            }
            if a.compare_end(b).is_lt() {
                mine.next()
            } else {
                theirs.next()
            };
        }
        Self(both)
    }

    /// The values that the set does not have.
    pub fn complement(&self) -> Self {
        let mut rest = Vec::new();
        let mut from = (OwnedValue::new(Value::MIN_KEY), true);
        for interval in &self.0 {
            let before = Interval {
                start: from.0,
                start_inclusive: from.1,
                end: interval.start.clone(),
                end_inclusive: !interval.start_inclusive,
            };
            rest.push(before);
            from = (interval.end.clone(), !interval.end_inclusive);
        }
        rest.push(Interval {
            start: from.0,
            start_inclusive: from.1,
            end: OwnedValue::new(Value::MAX_KEY),
            end_inclusive: true,
        });
        rest.retain(|interval| !interval.is_empty());
        Self(rest)
    }

    /// Whether no string, and nothing that may hold one, is among the values.
    pub fn avoids_strings(&self) -> bool {
        let is_below = |interval: &Interval| {
            let end = interval.end.get();
            let at_first = !interval.end_inclusive && end.as_str_bytes() == Some(b"");
            at_first || canonical_type(end.tag()) < canonical_type(Tag::String)
        };
        let is_above = |interval: &Interval| canonical_type(interval.start.get().tag()) > canonical_type(Tag::Array);
        self.0.iter().all(|interval| is_below(interval) || is_above(interval))
    }

    /// The intervals, ascending.
    pub fn as_slice(&self) -> &[Interval] {
        &self.0
    }

    /// Whether the set has all values.
    pub fn is_full(&self) -> bool {
        matches!(self.0.as_slice(), [only] if only.is_full())
    }

    /// Whether every interval holds one value. A set without values is one of points, too.
    pub fn is_points(&self) -> bool {
        self.0.iter().all(Interval::is_point)
    }

    /// Whether the set has one value.
    pub fn is_point(&self) -> bool {
        self.0.len() == 1 && self.is_points()
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = (if self.start_inclusive { '[' } else { '(' }, if self.end_inclusive { ']' } else { ')' });
        write!(f, "{open}{:?}, {:?}{close}", self.start.get(), self.end.get())
    }
}

impl fmt::Display for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, interval) in self.0.iter().enumerate() {
            write!(f, "{}{interval}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: i32, end: i32) -> Interval {
        Interval::new((Value::int32(start), true), (Value::int32(end), false))
    }

    #[test]
    fn unions_merge_what_touches() {
        let union = Intervals::union([range(5, 7), range(1, 3), range(3, 4), range(6, 6)]);
        assert_eq!(union.to_string(), "[1, 4) [5, 7)");
    }

    #[test]
    fn intersections_keep_the_narrower_ends() {
        let a = Intervals::union([range(0, 10), range(20, 30)]);
        let b = Intervals::union([range(5, 25), Interval::new((Value::int32(29), false), (Value::int32(40), true))]);
        assert_eq!(a.intersect(&b).to_string(), "[5, 10) [20, 25) (29, 30)");
        assert!(a.intersect(&Intervals::union([])).as_slice().is_empty());
    }

    #[test]
    fn a_complement_of_a_complement_is_the_set() {
        let set = Intervals::union([range(1, 3), Interval::new((Value::int32(5), true), (Value::int32(5), true))]);
        assert_eq!(set.complement().to_string(), "[MinKey, 1) [3, 5) (5, MaxKey]");
        assert_eq!(set.complement().complement().to_string(), set.to_string());
        assert!(Intervals::union([]).complement().is_full());
        assert!(Intervals::full().complement().as_slice().is_empty());
    }
}
