//! The part of an index that a scan visits, in terms of key bytes.
//!
//! A key is within the bounds when each field is in one of the field's ranges. For a key that is not, the bounds know
//! where the next one can be, so that a scan leaps over the keys in between.
//!
//! Fields are told apart without decoding where that is possible: no field's bytes are a proper prefix of another's,
//! so the first difference between a key's rest and the end of a range decides.

use std::cmp::Ordering;

use smongo_compiler::plan::{FieldOrder, IndexDescription, Interval, Intervals, ScanDirection};
use smongo_vm::key::{Direction, KeyDecoder, KeyEncoder};

use crate::error::Result;

/// A byte above every byte that a field or the end of a key begins with.
pub(crate) const ABOVE: u8 = 0xff;

/// Below every entry's key, and above the reserved key.
const FIRST: &[u8] = &[1];

/// The keys that a scan visits.
#[derive(Debug)]
pub(crate) struct ScanBounds {
    fields: Vec<FieldBounds>,
    /// How many leading fields must be looked at.
    checked: usize,
    direction: ScanDirection,
}

#[derive(Debug)]
struct FieldBounds {
    direction: Direction,
    /// In the order of the bytes, without overlaps.
    ranges: Vec<KeyRange>,
    is_full: bool,
}

/// Values of a field, as bytes.
#[derive(Debug)]
struct KeyRange {
    start: Vec<u8>,
    start_inclusive: bool,
    end: Vec<u8>,
    end_inclusive: bool,
}

/// How a key lies to the bounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Within them.
    Within,
    /// Before a part of them: the scan goes on from the target.
    Leap,
    /// Behind all of them.
    Past,
}

/// Where a field lies to its ranges, in the direction of the scan.
enum Place<'r> {
    In(&'r KeyRange),
    Before(&'r KeyRange),
    Behind,
}

impl ScanBounds {
    /// The keys of an index whose fields are in these intervals.
    pub fn new(index: &IndexDescription, bounds: &[Intervals], direction: ScanDirection) -> Self {
        let fields: Vec<FieldBounds> = index
            .fields
            .iter()
            .zip(bounds)
            .map(|(field, intervals)| FieldBounds::new(field.order, intervals))
            .collect();
        let checked = fields.iter().rposition(|field| !field.is_full).map_or(0, |last| last + 1);
        Self { fields, checked, direction }
    }

    /// Whether the keys within the bounds lie side by side.
    pub fn is_contiguous(&self) -> bool {
        let fields = &self.fields[..self.checked];
        let points = fields.iter().take_while(|field| field.is_point()).count();
        fields.len() <= points + 1 && fields.last().is_none_or(|field| field.ranges.len() <= 1)
    }

    /// Where the scan begins: at or above the target, or, backward, below it. `false` when there is nothing to scan.
    pub fn begin(&self, target: &mut Vec<u8>) -> bool {
        if self.fields.iter().any(|field| field.ranges.is_empty()) {
            return false;
        }
        target.clear();
        self.aim(0, target);
        if self.direction == ScanDirection::Forward && target.is_empty() {
            target.extend_from_slice(FIRST);
        }
        true
    }

    /// Judges a key; a [`Verdict::Leap`] leaves where to go in `target`, as [`Self::begin`] does.
    pub fn check(&self, key: &[u8], target: &mut Vec<u8>) -> Result<Verdict> {
        let mut at = 0;
        // Whether the fields so far have their last values, so that nothing within the bounds lies behind these.
        let mut on_last = true;
        for (number, field) in self.fields[..self.checked].iter().enumerate() {
            let rest = &key[at..];
            match field.place(rest, self.direction) {
                Place::In(range) if range.is_point() => {
                    at += range.start.len();
                    on_last &= field.is_last(range, self.direction);
                }
                Place::In(_) => {
                    on_last = false;
                    // The last field that is looked at need not be passed over.
                    if number + 1 < self.checked {
                        let mut decoder = KeyDecoder::new(rest, &[]);
                        decoder.skip(field.direction)?;
                        at += rest.len() - decoder.rest().len();
                    }
                }
                Place::Before(range) => {
                    target.clear();
                    target.extend_from_slice(&key[..at]);
                    self.aim_at(number, range, target);
                    return Ok(Verdict::Leap);
                }
                Place::Behind if on_last => return Ok(Verdict::Past),
                Place::Behind => {
                    target.clear();
                    target.extend_from_slice(&key[..at]);
                    if self.direction == ScanDirection::Forward {
                        target.push(ABOVE);
                    }
                    return Ok(Verdict::Leap);
                }
            }
        }
        Ok(Verdict::Within)
    }

    /// Appends the first values, in the direction of the scan, of the fields from `number` on.
    fn aim(&self, number: usize, target: &mut Vec<u8>) {
        let first = self.fields[..self.checked].get(number).filter(|field| !field.is_full);
        let range = first.and_then(|field| match self.direction {
            ScanDirection::Forward => field.ranges.first(),
            ScanDirection::Backward => field.ranges.last(),
        });
        match range {
            Some(range) => self.aim_at(number, range, target),
            None if self.direction == ScanDirection::Backward => target.push(ABOVE),
            None => {}
        }
    }

    /// Appends the first value of a range, and what comes first behind it.
    fn aim_at(&self, number: usize, range: &KeyRange, target: &mut Vec<u8>) {
        match self.direction {
            ScanDirection::Forward => {
                target.extend_from_slice(&range.start);
                if range.start_inclusive {
                    self.aim(number + 1, target);
                } else {
                    target.push(ABOVE);
                }
            }
            ScanDirection::Backward => {
                target.extend_from_slice(&range.end);
                if range.end_inclusive {
                    self.aim(number + 1, target);
                }
            }
        }
    }
}

impl FieldBounds {
    fn new(order: FieldOrder, intervals: &Intervals) -> Self {
        let direction = match order {
            FieldOrder::Ascending | FieldOrder::Hashed => Direction::Ascending,
            FieldOrder::Descending => Direction::Descending,
        };
        let mut ranges: Vec<KeyRange> =
            intervals.as_slice().iter().map(|interval| KeyRange::new(interval, direction)).collect();
        if direction == Direction::Descending {
            ranges.reverse();
        }
        Self { direction, ranges, is_full: intervals.is_full() }
    }

    fn is_point(&self) -> bool {
        matches!(self.ranges.as_slice(), [range] if range.is_point())
    }

    /// Whether a range of this field is the last in the direction of the scan.
    fn is_last(&self, range: &KeyRange, direction: ScanDirection) -> bool {
        let last = match direction {
            ScanDirection::Forward => self.ranges.last(),
            ScanDirection::Backward => self.ranges.first(),
        };
        last.is_some_and(|last| std::ptr::eq(last, range))
    }

    /// Finds the range in which a key's rest begins, or the next one in the direction of the scan.
    fn place(&self, rest: &[u8], direction: ScanDirection) -> Place<'_> {
        match direction {
            ScanDirection::Forward => {
                let next = self.ranges.partition_point(|range| !range.reaches_up_to(rest));
                match self.ranges.get(next) {
                    None => Place::Behind,
                    Some(range) if range.begins_before(rest) => Place::In(range),
                    Some(range) => Place::Before(range),
                }
            }
            ScanDirection::Backward => {
                let next = self.ranges.partition_point(|range| range.begins_before(rest));
                match next.checked_sub(1).and_then(|last| self.ranges.get(last)) {
                    None => Place::Behind,
                    Some(range) if range.reaches_up_to(rest) => Place::In(range),
                    Some(range) => Place::Before(range),
                }
            }
        }
    }
}

impl KeyRange {
    fn new(interval: &Interval, direction: Direction) -> Self {
        let start = (encoded(interval.start.get(), direction), interval.start_inclusive);
        let end = (encoded(interval.end.get(), direction), interval.end_inclusive);
        let (start, end) = if direction == Direction::Descending { (end, start) } else { (start, end) };
        Self { start: start.0, start_inclusive: start.1, end: end.0, end_inclusive: end.1 }
    }

    fn is_point(&self) -> bool {
        self.start == self.end
    }

    /// Whether the range begins at or before the field at the head of `rest`.
    fn begins_before(&self, rest: &[u8]) -> bool {
        match compare_field(rest, &self.start) {
            Ordering::Less => false,
            Ordering::Equal => self.start_inclusive,
            Ordering::Greater => true,
        }
    }

    /// Whether the range ends at or behind the field at the head of `rest`.
    fn reaches_up_to(&self, rest: &[u8]) -> bool {
        match compare_field(rest, &self.end) {
            Ordering::Less => true,
            Ordering::Equal => self.end_inclusive,
            Ordering::Greater => false,
        }
    }
}

/// Compares the field at the head of `rest` with a whole field.
fn compare_field(rest: &[u8], field: &[u8]) -> Ordering {
    if rest.starts_with(field) { Ordering::Equal } else { rest.cmp(field) }
}

fn encoded(value: smongo_vm::value::Value<'_>, direction: Direction) -> Vec<u8> {
    let (mut key, mut types) = (Vec::new(), Vec::new());
    KeyEncoder::new(&mut key, &mut types).field(value, direction);
    key
}

#[cfg(test)]
mod tests {
    use smongo_compiler::plan::IndexField;
    use smongo_vm::key::Bound;
    use smongo_vm::value::{FieldPath, Value};

    use super::*;

    fn index(orders: [FieldOrder; 2]) -> IndexDescription {
        let fields = ["a", "b"].iter().zip(orders);
        let fields = fields.map(|(name, order)| IndexField { path: FieldPath::new(name), order }).collect();
        IndexDescription {
            fields,
            is_sparse: false,
            partial_filter: None,
            is_hidden: false,
            collation: None,
            wildcard: None,
        }
    }

    fn key(index: &IndexDescription, values: [i32; 2]) -> Vec<u8> {
        let (mut key, mut types) = (Vec::new(), Vec::new());
        let mut encoder = KeyEncoder::new(&mut key, &mut types);
        for (field, value) in index.fields.iter().zip(values) {
            let descending = field.order == FieldOrder::Descending;
            encoder.field(Value::int32(value), if descending { Direction::Descending } else { Direction::Ascending });
        }
        encoder.finish(Bound::Equal);
        key
    }

    fn interval(from: i32, to: i32) -> Interval {
        Interval::new((Value::int32(from), true), (Value::int32(to), false))
    }

    /// The values that a scan over all of 0..10 x 0..10 visits, and how many keys it looks at.
    fn scanned(orders: [FieldOrder; 2], bounds: &[Intervals], direction: ScanDirection) -> (Vec<[i32; 2]>, usize) {
        let index = index(orders);
        let mut keys: Vec<_> =
            (0..10).flat_map(|a| (0..10).map(move |b| [a, b])).map(|values| (key(&index, values), values)).collect();
        keys.sort();
        let bounds = ScanBounds::new(&index, bounds, direction);
        let (mut target, mut found, mut looks) = (Vec::new(), Vec::new(), 0);
        if !bounds.begin(&mut target) {
            return (found, looks);
        }
        let forward = direction == ScanDirection::Forward;
        let seek = |target: &[u8]| keys.partition_point(|(key, _)| key.as_slice() < target);
        let mut next = if forward { Some(seek(&target)) } else { seek(&target).checked_sub(1) };
        while let Some((key, values)) = next.and_then(|at| keys.get(at)) {
            looks += 1;
            next = match bounds.check(key, &mut target).unwrap() {
                Verdict::Past => break,
                Verdict::Within => {
                    found.push(*values);
                    if forward { next.map(|at| at + 1) } else { next.and_then(|at| at.checked_sub(1)) }
                }
                Verdict::Leap if forward => Some(seek(&target)),
                Verdict::Leap => seek(&target).checked_sub(1),
            };
        }
        (found, looks)
    }

    #[test]
    fn scans_visit_what_is_within_and_leap_over_the_rest() {
        let a = Intervals::union([interval(1, 3), interval(7, 8)]);
        let b = Intervals::union([interval(2, 4), interval(9, 10)]);
        let mut expected: Vec<[i32; 2]> = [1, 2, 7].into_iter().flat_map(|a| [2, 3, 9].map(|b| [a, b])).collect();
        for orders in [
            [FieldOrder::Ascending, FieldOrder::Ascending],
            [FieldOrder::Descending, FieldOrder::Ascending],
            [FieldOrder::Ascending, FieldOrder::Descending],
        ] {
            for direction in [ScanDirection::Forward, ScanDirection::Backward] {
                let (mut found, looks) = scanned(orders, &[a.clone(), b.clone()], direction);
                found.sort_unstable();
                expected.sort_unstable();
                assert_eq!(found, expected, "{orders:?} {direction:?}");
                assert!(looks < 25, "{looks} keys looked at, {orders:?} {direction:?}");
            }
        }
    }

    #[test]
    fn open_and_empty_bounds() {
        let orders = [FieldOrder::Ascending, FieldOrder::Ascending];
        for direction in [ScanDirection::Forward, ScanDirection::Backward] {
            let full = || Intervals::full();
            assert_eq!(scanned(orders, &[full(), full()], direction).0.len(), 100);
            assert_eq!(scanned(orders, &[full(), Intervals::point(Value::int32(3))], direction).0.len(), 10);
            assert_eq!(scanned(orders, &[Intervals::union([]), full()], direction), (Vec::new(), 0));
            let one = [Intervals::point(Value::int32(3)), Intervals::union([interval(4, 6)])];
            let (found, looks) = scanned(orders, &one, direction);
            assert_eq!((found.len(), looks), (2, 3), "{direction:?}");
        }
    }

    #[test]
    fn points_and_then_one_range_lie_side_by_side() {
        let index = index([FieldOrder::Ascending, FieldOrder::Ascending]);
        let (point, range, full) =
            (Intervals::point(Value::int32(3)), Intervals::union([interval(4, 6)]), Intervals::full());
        let two = Intervals::union([interval(4, 6), interval(8, 9)]);
        for (bounds, expected) in [
            ([point.clone(), range.clone()], true),
            ([range.clone(), full.clone()], true),
            ([full.clone(), full.clone()], true),
            ([range.clone(), point.clone()], false),
            ([full.clone(), point.clone()], false),
            ([two, full.clone()], false),
        ] {
            assert_eq!(
                ScanBounds::new(&index, &bounds, ScanDirection::Forward).is_contiguous(),
                expected,
                "{bounds:?}"
            );
        }
    }
}
