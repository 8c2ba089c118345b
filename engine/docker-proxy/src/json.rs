//! JSON as the text that it is: looked into, and changed in places. What isn't changed stays as it was written, byte for byte:
//! unknown fields, their order, large numbers, a field that is there twice.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in their order, each as often as it is there.
pub struct Members<'a>(Vec<(String, &'a RawValue)>);

/// The elements of an array.
pub struct Elements<'a>(Vec<&'a RawValue>);

/// A field that matters is there more than once, and readers differ in what they make of that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is there more than once")]
pub struct Twice(pub &'static str);

impl<'a> Members<'a> {
    /// Of a value; `None` where it is no object.
    pub fn of(value: &'a RawValue) -> Option<Self> {
        serde_json::from_str(value.get()).ok()
    }

    /// The member of this name, as Docker finds it: whatever its letters' case.
    pub fn get(&self, name: &'static str) -> Result<Option<&'a RawValue>, Twice> {
        let mut found = self.0.iter().filter(|(key, _)| is_name(key, name)).map(|(_, value)| *value);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Twice(name)),
            (value, None) => Ok(value),
        }
    }

    /// The member of just this name: of a map whose keys a person chose.
    pub fn key(&self, name: &'static str) -> Result<Option<&'a RawValue>, Twice> {
        let mut found = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| *value);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Twice(name)),
            (value, None) => Ok(value),
        }
    }
}

/// The elements of an array; none where it is no array.
pub fn elements(value: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str::<Elements<'_>>(value.get()).map(|elements| elements.0).unwrap_or_default()
}

/// The text of a string; `None` where it is none.
pub fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// Whether it is `null`.
pub fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// Whether Go's `encoding/json` takes `key` for the field `name`, which is ASCII: it folds case, by which two letters outside of
/// ASCII are the same as one inside.
fn is_name(key: &str, name: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(name.chars().map(fold))
}

/// A text of JSON, with what is to stand elsewhere in it.
#[derive(Debug)]
pub struct Edits<'a> {
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
}

impl<'a> Edits<'a> {
    /// None yet.
    pub fn of(text: &'a str) -> Self {
        Self { text, edits: Vec::new() }
    }

    /// The value that is the whole text.
    pub fn root(&self) -> serde_json::Result<&'a RawValue> {
        serde_json::from_str(self.text)
    }

    /// Where a value stands that was found in the text.
    pub fn place(&self, value: &'a RawValue) -> Range<usize> {
        // A borrowed value is a part of what it was read from.
        let start = value.get().as_ptr().addr() - self.text.as_ptr().addr();
        start..start + value.get().len()
    }

    /// Has a string stand in a place. Places must not overlap.
    pub fn put(&mut self, place: Range<usize>, string: &str) {
        self.edits.push((place, serde_json::Value::from(string).to_string()));
    }

    /// The text with the edits made; `None` where there are none.
    pub fn finish(mut self) -> Option<String> {
        if self.edits.is_empty() {
            return None;
        }
        self.edits.sort_by_key(|(place, _)| place.start);
        let mut whole = String::with_capacity(self.text.len() + 256);
        let mut done = 0;
        for (place, with) in &self.edits {
            whole.push_str(&self.text[done..place.start]);
            whole.push_str(with);
            done = place.end;
        }
        whole.push_str(&self.text[done..]);
        Some(whole)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Array;
        impl<'de> Visitor<'de> for Array {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element()? {
                    elements.push(element);
                }
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_seq(Array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_go_finds_them() {
        for (key, name, is) in [
            ("HostConfig", "HostConfig", true),
            ("hostconfig", "HostConfig", true),
            ("HOSTCONFIG", "HostConfig", true),
            ("Ho\u{17f}tConfig", "HostConfig", true),
            ("\u{212a}ind", "Kind", true),
            ("HostConfig ", "HostConfig", false),
            ("HostConfi", "HostConfig", false),
        ] {
            assert_eq!(is_name(key, name), is, "{key}");
        }
    }

    #[test]
    fn what_is_not_touched_stays_as_it_was_written() {
        let text = "{ \"b\":1.0e400,\"a\" : [\"x\", 18446744073709551616, \"y\"],\n\"b\":null}";
        let mut edits = Edits::of(text);
        let root = Members::of(edits.root().unwrap()).unwrap();
        assert_eq!(root.get("b").unwrap_err(), Twice("b"));
        let array = elements(root.get("A").unwrap().unwrap());
        edits.put(edits.place(array[2]), "\"quoted\"\n");
        edits.put(edits.place(array[0]), "z");
        let made = edits.finish().unwrap();
        assert_eq!(made, "{ \"b\":1.0e400,\"a\" : [\"z\", 18446744073709551616, \"\\\"quoted\\\"\\n\"],\n\"b\":null}");
        assert_eq!(Edits::of(text).finish(), None);
    }
}
