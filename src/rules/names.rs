//! The rules for names of streams, consumers, buckets and keys.

/// Whether `name` can be a stream or consumer name: not empty, no blanks or control characters, dots, slashes,
/// backslashes, wildcards, brackets, braces or quotes (NATS ADR-6).
pub(crate) fn is_stream_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(is_name_breaker)
}

fn is_name_breaker(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '.' | '/' | '\\' | '*' | '>' | '[' | ']' | '{' | '}' | '"' | '\'')
}

/// Whether `name` can be a bucket: letters, digits, `_` and `-` of ASCII (NATS ADR-8).
pub(crate) fn is_bucket(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// Whether `key` can be a key: letters, digits, `- / _ = .` of ASCII, no empty token, not beginning with `_kv` (NATS ADR-8).
///
/// A server refuses a subject with an empty token, so that `a..b` could be neither written nor read.
pub(crate) fn is_key(key: &str) -> bool {
    !key.starts_with("_kv") && key.split('.').all(is_key_token)
}

/// Whether `pattern` can be watched: a key in which whole tokens may be `*` and the last one `>`.
pub(crate) fn is_key_pattern(pattern: &str) -> bool {
    let (head, last) = match pattern.rsplit_once('.') {
        Some((head, last)) => (Some(head), last),
        None => (None, pattern),
    };
    let middle = |token: &str| token == "*" || is_key_token(token);
    !pattern.starts_with("_kv") && (last == ">" || middle(last)) && head.is_none_or(|head| head.split('.').all(middle))
}

fn is_key_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/' | b'_' | b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams() {
        for good in ["S", "my-stream_1", "поток", "a$b", "KV_x", "a=b", "a(b)"] {
            assert!(is_stream_name(good), "{good}");
        }
        for bad in [
            "", " ", "a b", "a\tb", "a\nb", "a.b", "a/b", "a\\b", "a*", ">", "a[", "a]", "a{", "a}", "a\"", "a'", "a\u{0}",
            "a\u{a0}b",
        ] {
            assert!(!is_stream_name(bad), "{bad}");
        }
    }

    #[test]
    fn buckets() {
        assert!(is_bucket("My_bucket-1"));
        for bad in ["", "a.b", "a b", "é", "a/b", "a=b", "*", ">"] {
            assert!(!is_bucket(bad), "{bad}");
        }
    }

    #[test]
    fn keys() {
        for good in ["a", "a.b.c", "a/b", "a=b", "-", "_", "=", "_k", "a._kv", "1"] {
            assert!(is_key(good), "{good}");
        }
        for bad in ["", ".", ".a", "a.", "a..b", "_kv", "_kv.a", "_kvx", "a b", "é", "a*", "*", ">", "a$"] {
            assert!(!is_key(bad), "{bad}");
        }
    }

    #[test]
    fn patterns() {
        for good in ["a", "*", ">", "a.*", "a.>", "*.b.>", "a.*.c"] {
            assert!(is_key_pattern(good), "{good}");
        }
        for bad in ["", "a*", "a.>.b", ">.a", "a.", ".>", "a..>", "_kv.>", "_kv", "a b"] {
            assert!(!is_key_pattern(bad), "{bad}");
        }
    }
}
