//! Paths and symlink targets in JSON, without loss.

use std::{
    borrow::Cow,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The bytes of a path or of a symlink's target.
///
/// In JSON they are a string where they are UTF-8, as nearly all are: `"src/main.rs"`. Where they aren't, they are an
/// object: `{"bytes": "Y2Fm6Q==", "text": "caf\ufffd"}`. `bytes` is base64 (RFC 4648, section 4, with padding) and is
/// all that counts when it comes back; `text` is for showing and may be left out.
///
/// A path in a share is relative to the share's root, without a leading slash; the root itself is `""`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string | { bytes: string, text?: string }"))]
pub struct PathBytes(Vec<u8>);

impl PathBytes {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, owned.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// For showing: what isn't UTF-8 becomes U+FFFD.
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// As a path of this computer. On Windows a path that isn't Unicode has no such form that is safe to make: `None`.
    pub fn to_path(&self) -> Option<PathBuf> {
        #[cfg(unix)]
        let name = {
            use std::os::unix::ffi::OsStringExt;
            Some(OsString::from_vec(self.0.clone()))
        };
        #[cfg(not(unix))]
        let name = std::str::from_utf8(&self.0).ok().map(OsString::from);
        name.map(PathBuf::from)
    }
}

impl From<Vec<u8>> for PathBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for PathBytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for PathBytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<&Path> for PathBytes {
    fn from(path: &Path) -> Self {
        Self(path.as_os_str().as_encoded_bytes().to_vec())
    }
}

impl fmt::Debug for PathBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// As [`PathBytes::to_text`].
impl fmt::Display for PathBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Json<'a> {
    Text(Cow<'a, str>),
    Bytes {
        bytes: String,
        #[serde(default)]
        text: Option<Cow<'a, str>>,
    },
}

impl Serialize for PathBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Json::Text(text.into()),
            Err(_) => Json::Bytes { bytes: STANDARD.encode(&self.0), text: Some(self.to_text()) },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PathBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Json::deserialize(deserializer)? {
            Json::Text(text) => text.into_owned().into_bytes(),
            Json::Bytes { bytes, .. } => STANDARD.decode(bytes).map_err(D::Error::custom)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_is_a_string_or_its_bytes() {
        for (bytes, json) in [
            (&b""[..], r#""""#),
            (b"src/main.rs", r#""src/main.rs""#),
            (b"a\nb\"", r#""a\nb\"""#),
            ("żółw".as_bytes(), r#""żółw""#),
            (b"caf\xe9", "{\"bytes\":\"Y2Fm6Q==\",\"text\":\"caf\u{fffd}\"}"),
        ] {
            assert_eq!(serde_json::to_string(&PathBytes::from(bytes)).unwrap(), json);
        }
        let bare: PathBytes = serde_json::from_str(r#"{"bytes":"Y2Fm6Q=="}"#).unwrap();
        assert_eq!(bare.as_bytes(), b"caf\xe9");
        assert!(serde_json::from_str::<PathBytes>(r#"{"bytes":"%"}"#).is_err());
        assert!(serde_json::from_str::<PathBytes>(r#"{"text":"a"}"#).is_err());
        assert!(serde_json::from_str::<PathBytes>("[97]").is_err());
    }

    proptest! {
        #[test]
        fn json_loses_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let path = PathBytes::from(bytes);
            let json = serde_json::to_string(&path).unwrap();
            prop_assert_eq!(serde_json::from_str::<PathBytes>(&json).unwrap(), path.clone());
            let value = serde_json::to_value(&path).unwrap();
            prop_assert_eq!(serde_json::from_value::<PathBytes>(value).unwrap(), path);
        }
    }
}
