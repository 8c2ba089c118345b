//! Lists that may be longer than a frame travel in parts.

use serde::Serialize;

use crate::frame::encoded_bytes;

/// What a part of a list takes in a frame, in bytes, unless a single item is longer.
pub const PART_BYTES: usize = 128 * 1024;

/// Splits a list into parts of about [`PART_BYTES`], in order; at least one, which may be empty.
pub fn parts<T: Serialize>(mut items: &[T]) -> impl Iterator<Item = Part<'_, T>> {
    let mut done = false;
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let mut bytes = 0;
        let fit = items.iter().take_while(|item| {
            bytes += encoded_bytes(*item);
            bytes <= PART_BYTES
        });
        let count = fit.count().max(1).min(items.len());
        let (part, rest) = items.split_at(count);
        items = rest;
        done = rest.is_empty();
        Some(Part { items: part, last: done })
    })
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a, T> {
    /// Its items.
    pub items: &'a [T],
    /// Whether it is the last.
    pub last: bool,
}

/// Keeps the first items of a list that fit into about [`PART_BYTES`], at least one if there is one: for answers by pages. Tells
/// whether any were left out.
pub fn fit<T: Serialize>(items: &mut Vec<T>) -> bool {
    let count = parts(items).next().map_or(0, |part| part.items.len());
    let cut = count < items.len();
    items.truncate(count);
    cut
}
