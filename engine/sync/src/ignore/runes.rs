//! Bytes read the way Go reads a string: as runes, a byte that is no UTF-8 counting as one rune of its own.

/// A Unicode scalar value; or, for a byte that belongs to no UTF-8 sequence, [`STRAY_BASE`] plus that byte.
///
/// Go reads every such byte as U+FFFD, which would make `caf\xe9*` match what begins with `caf\xe8`. Here a stray byte is
/// only itself, and is matched by `?`, `*` and negated classes like any other rune.
pub(super) type Rune = u32;

/// Above every Unicode scalar value.
const STRAY_BASE: Rune = 0x11_0000;

/// The first rune and its length in bytes. `None` at the end.
fn decode(bytes: &[u8]) -> Option<(Rune, usize)> {
    let first = *bytes.first()?;
    if first.is_ascii() {
        return Some((first.into(), 1));
    }
    Some(match bstr::decode_utf8(bytes) {
        (Some(char), length) => (char.into(), length),
        (None, _) => (STRAY_BASE + Rune::from(first), 1),
    })
}

/// The runes of `bytes`.
pub(super) fn runes(mut bytes: &[u8]) -> impl Iterator<Item = Rune> {
    std::iter::from_fn(move || {
        let (rune, length) = decode(bytes)?;
        bytes = &bytes[length..];
        Some(rune)
    })
}

/// Whether the rune stands for a byte that is no UTF-8.
pub(super) fn is_stray(rune: Rune) -> bool {
    rune >= STRAY_BASE
}

/// Appends the bytes that are read as `rune`; nothing and `None` for a surrogate, which no bytes are read as.
pub(super) fn encode(rune: Rune, bytes: &mut Vec<u8>) -> Option<()> {
    match char::from_u32(rune) {
        Some(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        None => bytes.push(u8::try_from(rune.checked_sub(STRAY_BASE)?).ok()?),
    }
    Some(())
}
