//! Times and durations.

use causeway_api::Timestamp;
use jiff::{Zoned, tz::TimeZone};

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `6 ms`, `1.9 s`, `24 s`, `12 min`, `5 h 20 min`, `2 days`.
pub fn duration(ms: u64) -> String {
    match ms {
        0..SECOND => format!("{ms} ms"),
        SECOND..10_000 => format!("{}.{} s", ms / SECOND, ms % SECOND / 100),
        _ => coarse(ms),
    }
}

/// As [`duration`], in whole seconds at least.
pub fn coarse(ms: u64) -> String {
    match ms {
        0..MINUTE => format!("{} s", ms / SECOND),
        MINUTE..HOUR => format!("{} min", ms / MINUTE),
        HOUR..DAY if ms % HOUR < MINUTE => format!("{} h", ms / HOUR),
        HOUR..DAY => format!("{} h {} min", ms / HOUR, ms % HOUR / MINUTE),
        _ => super::numbers::counted(ms / DAY, "day", "days"),
    }
}

/// `4 s ago`; `now` within the same second.
pub fn ago(time: Timestamp, now: Timestamp) -> String {
    match time.ms_until(now) {
        0..SECOND => "now".into(),
        // "3 h ago" is enough for what is long ago.
        ms @ HOUR..DAY => format!("{} h ago", ms / HOUR),
        ms => format!("{} ago", coarse(ms)),
    }
}

/// When something was, as short as it is clear: `14:31:07` today, `2026-11-03 14:31` before.
pub fn clock(time: Timestamp, now: Timestamp) -> String {
    clock_in(time, now, &TimeZone::system())
}

fn clock_in(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let zoned = |time: Timestamp| -> Zoned { jiff::Timestamp::from(time).to_zoned(zone.clone()) };
    let (time, today) = (zoned(time), zoned(now));
    if time.date() == today.date() {
        time.strftime("%H:%M:%S").to_string()
    } else {
        time.strftime("%Y-%m-%d %H:%M").to_string()
    }
}

/// `Since 09:12:00, 5 h 20 min`.
pub fn since(time: Timestamp, now: Timestamp) -> String {
    format!("Since {}, {}", clock(time, now), coarse(time.ms_until(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_ns(i64::try_from(ms).unwrap() * 1_000_000)
    }

    #[test]
    fn durations_have_two_parts_at_most() {
        for (ms, text) in [
            (6, "6 ms"),
            (1_940, "1.9 s"),
            (24_000, "24 s"),
            (59_999, "59 s"),
            (12 * MINUTE, "12 min"),
            (3 * HOUR, "3 h"),
            (5 * HOUR + 20 * MINUTE, "5 h 20 min"),
            (DAY, "1 day"),
            (2 * DAY + HOUR, "2 days"),
        ] {
            assert_eq!(duration(ms), text);
        }
    }

    #[test]
    fn what_was_is_counted_from_now() {
        let now = at(100 * DAY);
        for (ms, text) in [
            (0, "now"),
            (4 * SECOND, "4 s ago"),
            (12 * MINUTE, "12 min ago"),
            (3 * HOUR + 4 * MINUTE, "3 h ago"),
            (2 * DAY, "2 days ago"),
        ] {
            assert_eq!(ago(at(100 * DAY - ms), now), text);
        }
        assert_eq!(ago(at(101 * DAY), now), "now", "clocks of two sides differ");
    }

    #[test]
    fn the_date_is_there_where_it_isnt_today() {
        let now = at(1_793_715_611_410);
        assert_eq!(clock_in(now, now, &TimeZone::UTC), "14:20:11");
        assert_eq!(clock_in(at(1_793_715_611_410 - DAY), now, &TimeZone::UTC), "2026-11-02 14:20");
        let east = TimeZone::fixed(jiff::tz::offset(10));
        assert_eq!(clock_in(at(1_793_715_611_410 - 2 * HOUR), now, &east), "2026-11-03 22:20");
    }
}
