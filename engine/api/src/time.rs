//! Points in time, as the app and the command see them.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A point in time, to the nanosecond, from 1677 to 2262; what lies outside is clamped.
///
/// In JSON it is a string in UTC by RFC 3339, such as `"2026-11-03T14:20:11.41Z"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string"))]
pub struct Timestamp {
    ns: i64,
}

impl Timestamp {
    /// From nanoseconds since 1970.
    pub fn from_ns(ns: i64) -> Self {
        Self { ns }
    }

    /// The time by this computer's clock.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// Nanoseconds since 1970.
    pub fn as_ns(self) -> i64 {
        self.ns
    }

    /// Milliseconds from this time to `later`; 0 where `later` is earlier.
    pub fn ms_until(self, later: Self) -> u64 {
        later.ns.saturating_sub(self.ns).max(0).unsigned_abs() / 1_000_000
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let ns = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
        };
        Self { ns }
    }
}

impl From<Timestamp> for jiff::Timestamp {
    fn from(time: Timestamp) -> Self {
        Self::from_nanosecond(time.ns.into())
            .expect("jiff holds the years from -9999 to 9999, 64 bits of nanoseconds 1677 to 2262")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&jiff::Timestamp::from(*self), f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        let ns = time.as_nanosecond().clamp(i64::MIN.into(), i64::MAX.into());
        Ok(Self { ns: i64::try_from(ns).expect("clamped to 64 bits just above") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_every_nanosecond() {
        for (ns, json) in [
            (0, r#""1970-01-01T00:00:00Z""#),
            (1_793_715_611_410_000_000, r#""2026-11-03T14:20:11.41Z""#),
            (-1, r#""1969-12-31T23:59:59.999999999Z""#),
            (i64::MAX, r#""2262-04-11T23:47:16.854775807Z""#),
            (i64::MIN, r#""1677-09-21T00:12:43.145224192Z""#),
        ] {
            let time = Timestamp::from_ns(ns);
            assert_eq!(serde_json::to_string(&time).unwrap(), json);
            assert_eq!(serde_json::from_str::<Timestamp>(json).unwrap(), time);
        }
    }

    #[test]
    fn a_time_out_of_range_is_clamped_and_nonsense_refused() {
        let far: Timestamp = serde_json::from_str(r#""9000-01-01T00:00:00Z""#).unwrap();
        assert_eq!(far.as_ns(), i64::MAX);
        assert!(serde_json::from_str::<Timestamp>(r#""yesterday""#).is_err());
    }

    #[test]
    fn time_never_runs_backwards() {
        let (early, late) = (Timestamp::from_ns(1_000_000), Timestamp::from_ns(5_000_000));
        assert_eq!(early.ms_until(late), 4);
        assert_eq!(late.ms_until(early), 0);
    }
}
