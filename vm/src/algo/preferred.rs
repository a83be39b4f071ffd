//! Preferred numbers: the series that `$bucketAuto` takes boundaries from. Renard's series (ISO 3), the E series
//! (IEC 60063), 1-2-5, and the powers of two.

/// Renard's series, one decade each. Their roundings follow no formula.
const R5: &[f64] = &[10.0, 16.0, 25.0, 40.0, 63.0];
const R10: &[f64] = &[100.0, 125.0, 160.0, 200.0, 250.0, 315.0, 400.0, 500.0, 630.0, 800.0];
const R20: &[f64] = &[
    100.0, 112.0, 125.0, 140.0, 160.0, 180.0, 200.0, 224.0, 250.0, 280.0, 315.0, 355.0, 400.0, 450.0, 500.0, 560.0,
    630.0, 710.0, 800.0, 900.0,
];
const R40: &[f64] = &[
    100.0, 106.0, 112.0, 118.0, 125.0, 132.0, 140.0, 150.0, 160.0, 170.0, 180.0, 190.0, 200.0, 212.0, 224.0, 236.0,
    250.0, 265.0, 280.0, 300.0, 315.0, 335.0, 355.0, 375.0, 400.0, 425.0, 450.0, 475.0, 500.0, 530.0, 560.0, 600.0,
    630.0, 670.0, 710.0, 750.0, 800.0, 850.0, 900.0, 950.0,
];
const R80: &[f64] = &[
    103.0, 109.0, 115.0, 122.0, 128.0, 136.0, 145.0, 155.0, 165.0, 175.0, 185.0, 195.0, 206.0, 218.0, 230.0, 243.0,
    258.0, 272.0, 290.0, 307.0, 325.0, 345.0, 365.0, 387.0, 412.0, 437.0, 462.0, 487.0, 515.0, 545.0, 575.0, 615.0,
    650.0, 690.0, 730.0, 775.0, 825.0, 875.0, 925.0, 975.0,
];
const ONE_TWO_FIVE: &[f64] = &[10.0, 20.0, 50.0];
/// The E series of two digits, whose roundings follow no formula either.
const E6: &[f64] = &[10.0, 15.0, 22.0, 33.0, 47.0, 68.0];
const E12: &[f64] = &[10.0, 12.0, 15.0, 18.0, 22.0, 27.0, 33.0, 39.0, 47.0, 56.0, 68.0, 82.0];
const E24: &[f64] = &[
    10.0, 11.0, 12.0, 13.0, 15.0, 16.0, 18.0, 20.0, 22.0, 24.0, 27.0, 30.0, 33.0, 36.0, 39.0, 43.0, 47.0, 51.0, 56.0,
    62.0, 68.0, 75.0, 82.0, 91.0,
];

/// A series of numbers without end in either direction.
#[derive(Clone, PartialEq, Debug)]
pub enum Series {
    /// A decade, and its multiples by powers of ten.
    Decades(Vec<f64>),
    /// 1, 2, 4, 8, …
    PowersOfTwo,
}

impl Series {
    /// The series of this name, as MongoDB names it.
    pub fn find(name: &str) -> Option<Series> {
        Some(Series::Decades(match name {
            "R5" => R5.to_vec(),
            "R10" => R10.to_vec(),
            "R20" => R20.to_vec(),
            "R40" => R40.to_vec(),
            "R80" => {
                let mut both = [R40, R80].concat();
                both.sort_by(f64::total_cmp);
                both
            }
            "1-2-5" => ONE_TWO_FIVE.to_vec(),
            "E6" => E6.to_vec(),
            "E12" => E12.to_vec(),
            "E24" => E24.to_vec(),
            "E48" => geometric(48),
            "E96" => geometric(96),
            "E192" => geometric(192),
            "POWERSOF2" => return Some(Series::PowersOfTwo),
            _ => return None,
        }))
    }

    /// The least number of the series that is greater than `number`, which is not negative; zero stays zero.
    pub fn above(&self, number: f64) -> f64 {
        if number == 0.0 {
            return 0.0;
        }
        let Series::Decades(decade) = self else { return (number.log2().floor() + 1.0).exp2() };
        let (first, last) = ends(decade);
        let mut scale = 1.0;
        while number >= last * scale {
            scale *= 10.0;
        }
        while number < first * scale {
            let next_decade = first * scale;
            scale /= 10.0;
            if number >= last * scale {
                return next_decade;
            }
        }
        decade.iter().map(|step| step * scale).find(|step| *step > number).unwrap_or(f64::INFINITY)
    }

    /// The greatest number of the series that is less than `number`, which is not negative; zero stays zero.
    pub fn below(&self, number: f64) -> f64 {
        if number == 0.0 {
            return 0.0;
        }
        let Series::Decades(decade) = self else { return (number.log2().ceil() - 1.0).exp2() };
        let (first, last) = ends(decade);
        let mut scale = 1.0;
        while number <= first * scale {
            scale /= 10.0;
        }
        while number > last * scale {
            let last_decade = last * scale;
            scale *= 10.0;
            if number <= first * scale {
                return last_decade;
            }
        }
        decade.iter().rev().map(|step| step * scale).find(|step| *step < number).unwrap_or(0.0)
    }
}

/// An E series of three digits: powers of a root of ten, rounded, but for one that the standard rounds its own way.
fn geometric(steps: u32) -> Vec<f64> {
    let step = |at: u32| (100.0 * 10f64.powf(f64::from(at) / f64::from(steps))).round();
    (0..steps).map(step).map(|number| if number == 919.0 { 920.0 } else { number }).collect()
}

fn ends(decade: &[f64]) -> (f64, f64) {
    (decade.first().copied().unwrap_or(1.0), decade.last().copied().unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_a_series() {
        let series = |name| Series::find(name).expect("a series");
        let cases = [
            ("R5", 7.0, 6.3, 10.0),
            ("R5", 16.0, 10.0, 25.0),
            ("R5", 63.0, 40.0, 100.0),
            ("1-2-5", 0.4, 0.2, 0.5),
            ("E6", 100.0, 68.0, 150.0),
            ("POWERSOF2", 8.0, 4.0, 16.0),
            ("POWERSOF2", 5.0, 4.0, 8.0),
        ];
        for (name, number, below, above) in cases {
            let found = (series(name).below(number), series(name).above(number));
            assert!((found.0 - below).abs() < 1e-9 && (found.1 - above).abs() < 1e-9, "{name} {number}: {found:?}");
        }
        let Series::Decades(e48) = series("E48") else { panic!("a decade") };
        assert_eq!(&e48[..4], [100.0, 105.0, 110.0, 115.0]);
    }
}
