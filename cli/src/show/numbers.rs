//! Counts and amounts.

pub use causeway_api::size::{bytes, bytes_of};

/// Groups digits, so that a number isn't broken at the end of a line: narrow no-break space.
const GROUP: char = '\u{202f}';

/// `212 340`: digits in groups of three.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(GROUP);
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 conflict`, `3 conflicts`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// `entry` or `entries`, with the number.
pub fn entries(n: u64) -> String {
    counted(n, "entry", "entries")
}

/// `37 %`; `None` where the whole isn't known.
pub fn percent(part: u64, whole: Option<u64>) -> Option<String> {
    let whole = whole.filter(|whole| *whole > 0)?;
    // Never 100 % before the end.
    let percent = (u128::from(part) * 100 / u128::from(whole)).min(100);
    Some(format!("{percent} %"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1\u{202f}000"),
            (212_340, "212\u{202f}340"),
            (1_204_338, "1\u{202f}204\u{202f}338"),
            (u64::MAX, "18\u{202f}446\u{202f}744\u{202f}073\u{202f}709\u{202f}551\u{202f}615"),
        ] {
            assert_eq!(count(n), text);
        }
        assert_eq!((counted(1, "conflict", "conflicts"), entries(0)), ("1 conflict".into(), "0 entries".into()));
    }

    #[test]
    fn percentages_are_never_early() {
        assert_eq!(percent(999, Some(1000)).as_deref(), Some("99 %"));
        assert_eq!(percent(1000, Some(1000)).as_deref(), Some("100 %"));
        assert_eq!(percent(u64::MAX, Some(u64::MAX)).as_deref(), Some("100 %"));
        assert_eq!((percent(5, None), percent(0, Some(0))), (None, None));
    }
}
