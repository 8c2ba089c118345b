//! Names between Causeway (bytes) and Windows (16-bit units, mostly UTF-16): WTF-8, which is UTF-8 wherever a name is proper
//! Unicode, and keeps unpaired surrogates (simonsapin.github.io/wtf-8). Lossless from Windows; the other way, what Windows
//! can't hold, or would take for something else than a plain name, is refused.

/// Device names, reserved with any extension, in any case (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
/// As above, followed by a digit or a superscript one, two or three.
const NUMBERED_DEVICES: [&str; 2] = ["COM", "LPT"];

/// The bytes of a name that Windows told.
pub(super) fn from_wide(units: impl IntoIterator<Item = u16>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(unpaired) => {
                let code = unpaired.unpaired_surrogate();
                bytes.extend([0xe0 | (code >> 12) as u8, 0x80 | (code >> 6 & 0x3f) as u8, 0x80 | (code & 0x3f) as u8]);
            }
        }
    }
    bytes
}

/// The units of a name for Windows. `None` where the bytes are no WTF-8 (a surrogate pair written as two, too), or name
/// anything but an ordinary file.
pub(super) fn to_wide(bytes: &[u8]) -> Option<Vec<u16>> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                units.extend(text.encode_utf16());
                break;
            }
            Err(error) => {
                let (valid, after) = rest.split_at(error.valid_up_to());
                units.extend(std::str::from_utf8(valid).ok()?.encode_utf16());
                let (surrogate, after) = split_surrogate(after)?;
                let is_pair = (0xdc00..).contains(&surrogate)
                    && valid.is_empty()
                    && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit));
                if is_pair {
                    return None;
                }
                units.push(surrogate);
                rest = after;
            }
        }
    }
    is_ordinary(&units).then_some(units)
}

/// Takes one surrogate in generalised UTF-8 off the front.
fn split_surrogate(bytes: &[u8]) -> Option<(u16, &[u8])> {
    match bytes {
        [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, rest @ ..] => {
            Some((0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f), rest))
        }
        _ => None,
    }
}

/// Whether Windows takes the name as one component, as it stands, for a file. `\` and `:` would lead elsewhere; a dot or
/// space at the end is dropped silently.
fn is_ordinary(units: &[u16]) -> bool {
    let forbidden = |unit: &u16| *unit < 32 || b"<>:\"/\\|?*".contains(&u8::try_from(*unit).unwrap_or(0));
    let ends_badly = units.last().is_none_or(|last| [u16::from(b'.'), u16::from(b' ')].contains(last));
    !ends_badly && !units.iter().any(forbidden) && !is_device(&String::from_utf16_lossy(units))
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ').to_uppercase();
    let numbered = |device: &&'static str| {
        stem.strip_prefix(*device).is_some_and(|rest| {
            let mut rest = rest.chars();
            matches!((rest.next(), rest.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    };
    DEVICES.contains(&stem.as_str()) || NUMBERED_DEVICES.iter().any(numbered)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_windows_cannot_hold_are_refused() {
        for (name, ok) in [
            (&b"plain.txt"[..], true),
            ("é 漢 🦀".as_bytes(), true),
            (b"\xed\xa0\x80", true),              // an unpaired surrogate
            (b"\xed\xa0\x80x\xed\xb0\x80", true), // two, apart
            (b"\xed\xa0\x80\xed\xb0\x80", false), // a pair that should be one character
            (b"latin1-\xe9", false),
            (b"a\\b", false),
            (b"a:stream", false),
            (b"what?", false),
            (b"bell\x07", false),
            (b"dot.", false),
            (b"space ", false),
            (b"", false),
            (b"NUL", false),
            (b"nul.txt", false),
            (b"com1.log", false),
            ("LPT²".as_bytes(), false),
            (b"com", true),
            (b"com10", true),
            (b"console", true),
        ] {
            assert_eq!(to_wide(name).is_some(), ok, "{}", name.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn whatever_windows_tells_comes_back(units in prop::collection::vec(prop_oneof![0xd700_u16..0xe010, 32..128_u16], 1..20)) {
            let bytes = from_wide(units.iter().copied());
            match to_wide(&bytes) {
                Some(back) => prop_assert_eq!(back, units),
                None => prop_assert!(!is_ordinary(&units)),
            }
        }
    }
}
