//! Codecs of keys and values (NATS ADR-54): how a bucket stores what scripts see. Bytes in, bytes out; the rules of keys are for
//! what comes out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::option::{Kind, Opt, row};

/// Options of what makes a key-value object.
pub(crate) const CODEC_OPTIONS: &[Opt] = &[KEY_CODEC, VALUE_CODEC];

/// How keys are stored.
pub(crate) const KEY_CODEC: Opt = row(
    "key_codec",
    Kind::List,
    "*new:* how keys are stored: a list of codecs, each of them `none`, `base64`, `path` or a command prefix",
);

/// How values are stored.
pub(crate) const VALUE_CODEC: Opt = row(
    "value_codec",
    Kind::List,
    "*new:* how values are stored: a list of codecs, each of them `none`, `base64` or a command prefix",
);

/// A codec that needs no script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// The alphabet for URLs without padding, as orbit.go has it; of keys each token alone.
    Base64,
    /// Of keys: slashes are dots.
    Path,
}

/// What an element of a list of codecs stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// Nothing is changed.
    Nothing,
    /// A codec of this module.
    Known(Codec),
    /// None of the names: a command prefix.
    Own,
}

impl Element {
    /// What the text of an element stands for.
    pub(crate) fn of(text: &str) -> Element {
        match text {
            "none" => Element::Nothing,
            "base64" => Element::Known(Codec::Base64),
            "path" => Element::Known(Codec::Path),
            _ => Element::Own,
        }
    }
}

/// Stands for the slash that a path begins with: a key cannot begin with a dot.
const ROOT: &str = "_root_";

impl Codec {
    /// A key as it is stored.
    pub(crate) fn key(self, key: &[u8]) -> Vec<u8> {
        match self {
            Codec::Base64 => tokens(key, |token| Some(encoded(token))).unwrap_or_default(),
            Codec::Path => stored_path(key),
        }
    }

    /// A pattern of keys as it fits what is stored: tokens that are wildcards stay.
    pub(crate) fn filter(self, pattern: &[u8]) -> Vec<u8> {
        match self {
            Codec::Base64 => {
                let token = |token: &[u8]| Some(if matches!(token, b"*" | b">") { token.to_vec() } else { encoded(token) });
                tokens(pattern, token).unwrap_or_default()
            }
            Codec::Path => stored_path(pattern),
        }
    }

    /// The key of what is stored; `None` if no key is stored so.
    pub(crate) fn key_back(self, stored: &[u8]) -> Option<Vec<u8>> {
        match self {
            Codec::Base64 => tokens(stored, decoded),
            Codec::Path => Some(shown_path(stored)),
        }
    }
}

/// Reason why something cannot be decoded.
pub(crate) const NOT_BASE64: &str = "not base64 of the alphabet for URLs without padding";

/// Bytes in base64: a value as it is stored.
pub(crate) fn encoded(bytes: &[u8]) -> Vec<u8> {
    URL_SAFE_NO_PAD.encode(bytes).into_bytes()
}

/// Bytes of base64; `None` if it is none: the value of what is stored.
pub(crate) fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Has each token changed; `None` if one cannot be.
fn tokens(key: &[u8], change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let changed = key.split(|byte| *byte == b'.').map(change).collect::<Option<Vec<_>>>()?;
    Some(changed.join(&b'.'))
}

fn swapped(text: &[u8], from: u8, to: u8) -> Vec<u8> {
    text.iter().map(|byte| if *byte == from { to } else { *byte }).collect()
}

fn stored_path(path: &[u8]) -> Vec<u8> {
    let Some(rest) = path.strip_prefix(b"/") else {
        return swapped(path.strip_suffix(b"/").unwrap_or(path), b'/', b'.');
    };
    let rest = swapped(rest.strip_suffix(b"/").unwrap_or(rest), b'/', b'.');
    if rest.is_empty() { ROOT.into() } else { [ROOT.as_bytes(), b".", &rest].concat() }
}

fn shown_path(stored: &[u8]) -> Vec<u8> {
    match stored.strip_prefix(ROOT.as_bytes()) {
        Some([]) => b"/".to_vec(),
        Some(rest @ [b'.', ..]) => swapped(rest, b'.', b'/'),
        _ => swapped(stored, b'.', b'/'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn names() {
        assert_eq!(Element::of("none"), Element::Nothing);
        assert_eq!(Element::of("base64"), Element::Known(Codec::Base64));
        assert_eq!(Element::of("path"), Element::Known(Codec::Path));
        for own in ["", "Base64", "base64 ", "my codec"] {
            assert_eq!(Element::of(own), Element::Own, "{own}");
        }
    }

    /// Keys as orbit.go stores them.
    #[test]
    fn base64_keys() {
        for (key, stored) in [
            ("Acme Inc.contact", "QWNtZSBJbmM.Y29udGFjdA"),
            ("a.b.c", "YQ.Yg.Yw"),
            ("füße", "ZsO8w59l"),
            ("~~~?", "fn5-Pw"),
            ("???", "Pz8_"),
        ] {
            assert_eq!(text(Codec::Base64.key(key.as_bytes())), stored);
            assert_eq!(text(Codec::Base64.key_back(stored.as_bytes()).unwrap()), key);
        }
        assert_eq!(text(Codec::Base64.key(b"*.>")), "Kg.Pg");
        for bad in ["a", "YQ==", "YR", "a+b_", "Y Q", "YQ.a", "/w"] {
            assert_eq!(Codec::Base64.key_back(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn base64_filters() {
        for (pattern, stored) in [(">", ">"), ("*", "*"), ("a.*.b.>", "YQ.*.Yg.>"), ("a*.b", "YSo.Yg"), ("a b", "YSBi")] {
            assert_eq!(text(Codec::Base64.filter(pattern.as_bytes())), stored);
        }
    }

    /// Keys as orbit.go stores them.
    #[test]
    fn paths() {
        for (path, stored, shown) in [
            ("/foo/bar", "_root_.foo.bar", "/foo/bar"),
            ("/foo/bar/", "_root_.foo.bar", "/foo/bar"),
            ("foo/bar", "foo.bar", "foo/bar"),
            ("foo/bar/", "foo.bar", "foo/bar"),
            ("/", "_root_", "/"),
            ("foo", "foo", "foo"),
            ("foo.bar", "foo.bar", "foo/bar"),
            ("_rooted/x", "_rooted.x", "_rooted/x"),
            ("", "", ""),
            ("/foo/*", "_root_.foo.*", "/foo/*"),
            ("/>", "_root_.>", "/>"),
            (">", ">", ">"),
        ] {
            assert_eq!(text(Codec::Path.key(path.as_bytes())), stored, "{path}");
            assert_eq!(text(Codec::Path.filter(path.as_bytes())), stored, "{path}");
            assert_eq!(text(Codec::Path.key_back(stored.as_bytes()).unwrap()), shown, "{stored}");
        }
        assert_eq!(text(Codec::Path.key(b"//")), "_root_");
        assert_eq!(text(Codec::Path.key(b"a//b")), "a..b");
    }

    #[test]
    fn values() {
        assert_eq!(text(encoded(b"\xff\xfe>\x00")), "__4-AA");
        assert_eq!(decoded(b"__4-AA").unwrap(), b"\xff\xfe>\x00");
        assert_eq!(text(encoded(b"")), "");
        assert_eq!(decoded(b"").unwrap(), b"");
        for bad in ["__4+AA", "AA==", "A"] {
            assert_eq!(decoded(bad.as_bytes()), None, "{bad}");
        }
    }
}
