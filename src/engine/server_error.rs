//! The meaning of a server's `-ERR`.

use super::error::{Code, Problem};

/// Meaning of a server error.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The server ends the connection for this.
    Fatal(Problem),
    /// A publish or subscription is not allowed.
    Permission {
        /// Subject that it names.
        subject: String,
        /// The error.
        problem: Problem,
    },
    /// A subscription's subject is refused.
    InvalidSubject(Problem),
    /// A subject is refused in another way.
    BadSubject(Problem),
    /// The server cannot take what it is being sent, and closes.
    Choked(Problem),
    /// The same, because a control line is too long for it.
    LongLine(Problem),
    /// One subscription too many: it does not say which.
    Crowded(Problem),
    /// Something else; the server may close, or not.
    Other(Problem),
}

impl From<Verdict> for Problem {
    fn from(verdict: Verdict) -> Problem {
        match verdict {
            Verdict::Fatal(p)
            | Verdict::InvalidSubject(p)
            | Verdict::BadSubject(p)
            | Verdict::Choked(p)
            | Verdict::LongLine(p)
            | Verdict::Crowded(p)
            | Verdict::Other(p)
            | Verdict::Permission { problem: p, .. } => p,
        }
    }
}

/// Errors that end a connection, by the beginning of their text in lower case (nats-server, `errors.go`).
const FATAL: &[(&str, Code)] = &[
    ("stale connection", Code::StaleConnection),
    ("authorization violation", Code::Authorization),
    ("authorization timeout", Code::Authorization),
    ("authentication timeout", Code::Authorization),
    ("user authentication expired", Code::AuthExpired),
    ("user authentication revoked", Code::AuthRevoked),
    ("account authentication expired", Code::AccountAuthExpired),
];

/// Errors that end a connection because of what it was sent, by the beginning of their text in lower case.
const CHOKED: &[&str] = &["maximum payload violation", "unknown protocol operation", "parser error"];

/// The one of them that is about the length of a control line.
const LONG_LINE: &str = "maximum control line exceeded";

/// The error at a subscription that is one too many for the connection.
const CROWDED: &str = "maximum subscriptions exceeded";

/// Classifies the text of a server error.
pub(super) fn classify(text: &str) -> Verdict {
    let text = lower(text.trim_matches(|c: char| c == '\'' || c.is_whitespace()));
    for (start, code) in FATAL {
        if text.starts_with(start) {
            return Verdict::Fatal(Problem::new(*code, text));
        }
    }
    if text.starts_with("permissions violation") {
        let subject = text.split('"').nth(1).unwrap_or_default().to_string();
        let problem = Problem::new(Code::Permissions, text);
        return Verdict::Permission { subject, problem };
    }
    if text == "invalid subject" {
        return Verdict::InvalidSubject(Problem::new(Code::BadSubject, text));
    }
    if text.starts_with("invalid") && text.ends_with("subject") {
        return Verdict::BadSubject(Problem::new(Code::BadSubject, text));
    }
    let problem = Problem::new(Code::Server, text);
    if problem.text.starts_with(LONG_LINE) {
        return Verdict::LongLine(problem);
    }
    if problem.text.starts_with(CROWDED) {
        return Verdict::Crowded(problem);
    }
    if CHOKED.iter().any(|start| problem.text.starts_with(start)) { Verdict::Choked(problem) } else { Verdict::Other(problem) }
}

/// The text in lower case, except inside double quotes: subjects keep their case.
fn lower(text: &str) -> String {
    let mut quoted = false;
    text.chars()
        .flat_map(|c| {
            quoted ^= c == '"';
            let (kept, lowered) = if quoted { (Some(c), None) } else { (None, Some(c.to_lowercase())) };
            kept.into_iter().chain(lowered.into_iter().flatten())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings() {
        let fatal = |text: &str| match classify(text) {
            Verdict::Fatal(p) => (p.code, p.text),
            other => panic!("{other:?}"),
        };
        assert_eq!(fatal("'Authorization Violation'"), (Code::Authorization, "authorization violation".to_string()));
        assert_eq!(fatal("Stale Connection").0, Code::StaleConnection);
        assert_eq!(fatal("User Authentication Expired").0, Code::AuthExpired);
        assert_eq!(fatal("User Authentication Revoked").0, Code::AuthRevoked);
        let text = "Account Authentication Expired";
        assert_eq!(fatal(text).0, Code::AccountAuthExpired);
        assert!(matches!(classify("Invalid Subject"), Verdict::InvalidSubject(_)));
        assert!(matches!(classify("Invalid Publish Subject"), Verdict::BadSubject(_)));
        let choked = Verdict::Choked(Problem::new(Code::Server, "maximum payload violation"));
        assert_eq!(classify("Maximum Payload Violation"), choked);
        let long = Verdict::LongLine(Problem::new(Code::Server, LONG_LINE));
        assert_eq!(classify("Maximum Control Line Exceeded"), long);
        let crowded = Verdict::Crowded(Problem::new(Code::Server, CROWDED));
        assert_eq!(classify("'maximum subscriptions exceeded'"), crowded);
        assert_eq!(classify("'Secure Connection'"), Verdict::Other(Problem::new(Code::Server, "secure connection")));
    }

    #[test]
    fn permissions_keep_the_subject() {
        let Verdict::Permission { subject, problem } = classify("Permissions Violation for Publish to \"Foo.Bar\"") else {
            panic!()
        };
        assert_eq!(subject, "Foo.Bar");
        assert_eq!(problem.code, Code::Permissions);
        assert_eq!(problem.text, "permissions violation for publish to \"Foo.Bar\"");
    }
}
