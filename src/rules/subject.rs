//! The rule for subjects and queue groups (`-check_subjects`).

/// Use of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Destination of a message: no wildcards.
    Publish,
    /// Subject of a subscription: the tokens `*` and, at the end, `>` are allowed.
    Subscribe,
    /// Queue group: a single token.
    Queue,
    /// Reply subject of a message: no wildcards.
    Reply,
}

const ILLEGAL: u8 = 0;
const TOKEN: u8 = 1;
const DOT: u8 = 2;
const STAR: u8 = 3;
const FULL: u8 = 4;
const WIDE: u8 = 5;

/// Class of each byte of the UTF-8 text.
static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [ILLEGAL; 256];
    let punctuation = b"-!#$%&'()+,/:;<=?@^_`|~";
    let mut i = 0;
    while i < punctuation.len() {
        table[punctuation[i] as usize] = TOKEN;
        i += 1;
    }
    i = 0;
    while i < 256 {
        if (i as u8).is_ascii_alphanumeric() {
            table[i] = TOKEN;
        } else if i >= 0x80 {
            table[i] = WIDE;
        }
        i += 1;
    }
    table[b'.' as usize] = DOT;
    table[b'*' as usize] = STAR;
    table[b'>' as usize] = FULL;
    table
}

/// Whether `subject` may be used as `role`.
///
/// With `strict` (`-check_subjects true`) tokens are non-empty and made of letters and digits of any script and of
/// ``- ! # $ % & ' ( ) + , / : ; < = ? @ ^ _ ` | ~``. Without it only an empty subject or one with a blank, TAB, CR or LF
/// is refused: the server has the last word.
pub(crate) fn check_subject(subject: &str, role: Role, strict: bool) -> bool {
    if strict {
        check_strict(subject, role)
    } else {
        // A blank or line break would end the word in the protocol line and change its meaning.
        !subject.is_empty() && !subject.bytes().any(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
    }
}

fn check_strict(subject: &str, role: Role) -> bool {
    let bytes = subject.as_bytes();
    let mut start = 0;
    let mut wildcard = false;
    let mut i = 0;
    while i < bytes.len() {
        match CLASS[bytes[i] as usize] {
            TOKEN if !wildcard => {}
            WIDE if !wildcard => {
                let Some(letter) = subject[i..].chars().next() else {
                    return false;
                };
                if !letter.is_alphanumeric() {
                    return false;
                }
                i += letter.len_utf8();
                continue;
            }
            DOT if i > start && role != Role::Queue => {
                start = i + 1;
                wildcard = false;
            }
            STAR if role == Role::Subscribe && i == start => wildcard = true,
            FULL if role == Role::Subscribe && i == start => return i + 1 == bytes.len(),
            _ => return false,
        }
        i += 1;
    }
    // An empty last token covers the empty subject too.
    bytes.len() > start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_publish() {
        for good in ["a", "a.b", "$JS.API.X", "a-b_c.1", "тест.子.é", "a!#$%&'()+,/:;<=?@^_`|~"] {
            assert!(check_subject(good, Role::Publish, true), "{good}");
            assert!(check_subject(good, Role::Reply, true), "{good}");
        }
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a b",
            "a\tb",
            "a\r\n",
            "a.*",
            ">",
            "a.>",
            "a*",
            "a>b",
            "a\"",
            "a[",
            "a]",
            "a{",
            "a}",
            "a\\",
            "a\u{0}",
            "a\u{2028}",
            "a.😀",
            "a\u{a0}b",
        ] {
            assert!(!check_subject(bad, Role::Publish, true), "{bad}");
        }
    }

    #[test]
    fn strict_subscribe() {
        for good in ["*", ">", "a.*.b", "a.>", "*.*", "é.*"] {
            assert!(check_subject(good, Role::Subscribe, true), "{good}");
        }
        for bad in ["a*", "*a", "*é", "a.>.b", ">a", ">.", "**", "a.*.", "*>"] {
            assert!(!check_subject(bad, Role::Subscribe, true), "{bad}");
        }
    }

    #[test]
    fn queue_is_one_token() {
        assert!(check_subject("workers-1", Role::Queue, true));
        for bad in ["", "a.b", "*", ">", "a b"] {
            assert!(!check_subject(bad, Role::Queue, true), "{bad}");
        }
    }

    #[test]
    fn loose() {
        for good in ["a..b", ".", "a*b", "\"", "a\u{a0}b"] {
            assert!(check_subject(good, Role::Publish, false), "{good}");
        }
        for bad in ["", " ", "a b", "a\tb", "a\rb", "a\n"] {
            assert!(!check_subject(bad, Role::Publish, false), "{bad}");
        }
    }
}
