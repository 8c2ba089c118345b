//! Amounts of bytes as a person reads them, everywhere alike.

/// Three digits in decimal units: `812 B`, `4.2 KB`, `2.31 GB`.
pub fn bytes(n: u64) -> String {
    let (number, unit) = scaled(n);
    format!("{number} {unit}")
}

/// How much of a whole, in the unit of the whole: `1.2 of 3.4 GB`.
pub fn bytes_of(part: u64, whole: u64) -> String {
    let (number, unit) = scaled(whole);
    let power = UNITS.iter().position(|known| *known == unit).unwrap_or_default();
    format!("{} of {number} {unit}", three_digits(in_unit(part, power)))
}

const UNITS: [&str; 7] = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

fn in_unit(n: u64, power: usize) -> f64 {
    // Exact to 2^53 and rounded to three digits right after.
    n as f64 / 1000f64.powi(i32::try_from(power).unwrap_or_default())
}

fn scaled(n: u64) -> (String, &'static str) {
    let mut power = 0;
    // 999 500 bytes would be "1000 KB" when rounded.
    while in_unit(n, power) >= 999.5 && power + 1 < UNITS.len() {
        power += 1;
    }
    (three_digits(in_unit(n, power)), UNITS[power])
}

/// Up to three digits, without zeros that say nothing.
fn three_digits(x: f64) -> String {
    let text = match x {
        x if x >= 99.95 => return format!("{x:.0}"),
        x if x >= 9.995 => format!("{x:.1}"),
        x => format!("{x:.2}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_three_digits_in_decimal_units() {
        for (n, text) in [
            (0, "0 B"),
            (812, "812 B"),
            (999, "999 B"),
            (1000, "1 KB"),
            (4200, "4.2 KB"),
            (999_499, "999 KB"),
            (999_500, "1 MB"),
            (94_000_000, "94 MB"),
            (2_310_000_000, "2.31 GB"),
            (11_900_000_000, "11.9 GB"),
            (486_400_000, "486 MB"),
            (9_996_000, "10 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(n), text);
        }
        assert_eq!(bytes_of(1_200_000_000, 3_400_000_000), "1.2 of 3.4 GB");
        assert_eq!(bytes_of(0, 5_000), "0 of 5 KB");
        assert_eq!(bytes_of(900, 900), "900 of 900 B");
    }
}
