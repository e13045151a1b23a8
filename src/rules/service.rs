//! Services (NATS ADR-32): names, subjects, and the JSON of control replies.

use serde_json::{Map, Value as Json};

/// Header of an error reply: its description.
pub(crate) const ERROR_HEADER: &str = "Nats-Service-Error";

/// Header of an error reply: its code.
pub(crate) const CODE_HEADER: &str = "Nats-Service-Error-Code";

/// Code of an error reply where the handler gave none.
pub(crate) const INTERNAL: &str = "500";

/// Code of an error reply to a request that cannot be understood.
pub(crate) const BAD_REQUEST: &str = "400";

/// What is told in place of a reply that the server does not accept.
pub(crate) const TOO_LARGE: &str = "reply too large";

/// First word of an error code by which a handler chooses its error reply; code and payload follow.
pub(crate) const ERROR_WORD: &str = "NATSSERVICE";

/// Whether this can be the name of a service or an endpoint.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Whether this is a version by semver.org.
pub(crate) fn is_version(version: &str) -> bool {
    let (rest, build) = version.split_once('+').map_or((version, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let number =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let pre_word = |text: &str| word(text) && (number(text) || !text.bytes().all(|b| b.is_ascii_digit()));
    core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(|pre| pre.split('.').all(pre_word))
        && build.is_none_or(|build| build.split('.').all(word))
}

/// Whether this can be the code of an error reply: it has to be a number for other clients.
pub(crate) fn is_code(code: &str) -> bool {
    code.parse::<i64>().is_ok()
}

/// A text as the value of a header: its first line that is not empty.
pub(crate) fn description(text: &str) -> &str {
    text.split(['\r', '\n']).map(str::trim).find(|line| !line.is_empty()).unwrap_or("handler failed")
}

/// The subject of what stands in groups.
pub(crate) fn joined(prefix: &str, subject: &str) -> String {
    match (prefix, subject) {
        ("", subject) => subject.to_string(),
        (prefix, "") => prefix.to_string(),
        (prefix, subject) => format!("{prefix}.{subject}"),
    }
}

/// Question to all services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Who is there.
    Ping,
    /// Which endpoints there are.
    Info,
    /// What they have done.
    Stats,
}

impl Verb {
    /// All of them.
    pub(crate) const ALL: [Verb; 3] = [Verb::Ping, Verb::Info, Verb::Stats];

    /// Its word in subjects.
    pub(crate) const fn token(self) -> &'static str {
        match self {
            Verb::Ping => "PING",
            Verb::Info => "INFO",
            Verb::Stats => "STATS",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Verb::Ping => "io.nats.micro.v1.ping_response",
            Verb::Info => "io.nats.micro.v1.info_response",
            Verb::Stats => "io.nats.micro.v1.stats_response",
        }
    }

    /// Subject of the question: to all, to those of a name, or to one of them.
    pub(crate) fn subject(self, prefix: &str, name: &str, id: &str) -> String {
        joined(&joined(prefix, self.token()), &joined(name, id))
    }
}

/// What all replies of a service say.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Name.
    pub name: String,
    /// Number of the instance.
    pub id: String,
    /// Version.
    pub version: String,
    /// Texts by name.
    pub metadata: Map<String, Json>,
}

/// An endpoint as INFO and STATS name it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Name.
    pub name: String,
    /// Subject.
    pub subject: String,
    /// Queue group; empty: none.
    pub queue: String,
    /// Texts by name.
    pub metadata: Map<String, Json>,
}

/// What an endpoint has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Requests whose handler has ended.
    pub requests: u64,
    /// Error replies, and requests that were dropped.
    pub errors: u64,
    /// The latest error, `code:description`; empty if there was none.
    pub last_error: String,
    /// Time of all handlers in ns.
    pub time: u64,
}

impl Counts {
    /// Counts requests that found no room.
    pub(crate) fn drop_requests(&mut self, count: u64) {
        if count > 0 {
            self.errors += count;
            self.last_error = "slow consumer".to_string();
        }
    }

    /// Counts an error reply.
    pub(crate) fn fail(&mut self, code: &str, description: &str) {
        self.errors += 1;
        self.last_error = format!("{code}:{description}");
    }
}

impl Identity {
    fn reply(&self, verb: Verb) -> Map<String, Json> {
        fields([
            ("type", verb.kind().into()),
            ("name", self.name.as_str().into()),
            ("id", self.id.as_str().into()),
            ("version", self.version.as_str().into()),
            ("metadata", self.metadata.clone().into()),
        ])
    }

    /// Answer to PING.
    pub(crate) fn ping(&self) -> Json {
        self.reply(Verb::Ping).into()
    }

    /// Answer to INFO.
    pub(crate) fn info(&self, description: &str, endpoints: impl Iterator<Item = Place>) -> Json {
        let mut reply = self.reply(Verb::Info);
        let endpoints = endpoints.map(|place| {
            let mut shown = place.shown();
            shown.insert("metadata".to_string(), place.metadata.into());
            Json::Object(shown)
        });
        reply.extend(fields([("description", description.into()), ("endpoints", endpoints.collect::<Vec<_>>().into())]));
        reply.into()
    }

    /// Answer to STATS; the endpoints come with what a script says of them.
    pub(crate) fn stats(&self, started: &str, endpoints: impl Iterator<Item = (Place, Counts, Option<Json>)>) -> Json {
        let mut reply = self.reply(Verb::Stats);
        let endpoints = endpoints.map(|(place, counts, data)| {
            let mut shown = place.shown();
            shown.extend(fields([
                ("num_requests", counts.requests.into()),
                ("num_errors", counts.errors.into()),
                ("last_error", counts.last_error.into()),
                ("processing_time", counts.time.into()),
                ("average_processing_time", counts.time.checked_div(counts.requests).unwrap_or(0).into()),
            ]));
            shown.extend(data.map(|data| ("data".to_string(), data)));
            Json::Object(shown)
        });
        reply.extend(fields([("started", started.into()), ("endpoints", endpoints.collect::<Vec<_>>().into())]));
        reply.into()
    }
}

impl Place {
    fn shown(&self) -> Map<String, Json> {
        fields([
            ("name", self.name.as_str().into()),
            ("subject", self.subject.as_str().into()),
            ("queue_group", self.queue.as_str().into()),
        ])
    }
}

fn fields<const N: usize>(fields: [(&str, Json); N]) -> Map<String, Json> {
    fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

/// A script's words on an endpoint: JSON, or a text.
pub(crate) fn data(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// The subject and queue group of a subscription that the server refuses, by the text of its error.
pub(crate) fn refused(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("permissions violation for subscription to \"")?;
    let (subject, rest) = rest.split_once('"')?;
    let queue = rest.strip_prefix(" using queue \"").and_then(|rest| rest.split_once('"'));
    Some((subject, queue.map_or("", |(queue, _)| queue)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            name: "calc".into(),
            id: "KdK2Pyo1H1jY33kM4bk8EV".into(),
            version: "1.2.3".into(),
            metadata: fields([("a", "b".into())]),
        }
    }

    fn place() -> Place {
        let metadata = fields([("e", "f".into())]);
        Place { name: "add".into(), subject: "math.add.it".into(), queue: "q".into(), metadata }
    }

    #[test]
    fn names() {
        for good in ["a", "A-b_9", "-", "0"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a.b", "a b", "*", ">", "\u{e9}", "a\n", "a$"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn versions() {
        let good = [
            "0.0.0",
            "1.2.3",
            "10.20.30",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-0A.is.legal",
            "1.0.0-0-x",
            "1.0.0+20",
            "1.0.0-x.7+exp.0-1",
            "1.0.0+001",
            "1.0.0--",
            "1.0.0+a-b",
        ];
        for version in good {
            assert!(is_version(version), "{version}");
        }
        let bad = [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "01.2.3",
            "1.02.3",
            "1.2.03",
            "v1.2.3",
            "1.2.x",
            "1.2.3-",
            "1.2.3-01",
            "1.2.3-a..b",
            "1.2.3+",
            "1.2.3+a+b",
            "1.2.3-\u{e9}",
            " 1.2.3",
            "1.2.3\n",
        ];
        for version in bad {
            assert!(!is_version(version), "{version}");
        }
    }

    #[test]
    fn subjects() {
        assert_eq!(Verb::Ping.subject("$SRV", "", ""), "$SRV.PING");
        assert_eq!(Verb::Info.subject("$SRV", "calc", ""), "$SRV.INFO.calc");
        assert_eq!(Verb::Stats.subject("a.b", "calc", "id"), "a.b.STATS.calc.id");
        assert_eq!(joined("", "x"), "x");
        assert_eq!(joined("g", ""), "g");
        assert_eq!(joined(&joined("a", "b"), "c"), "a.b.c");
    }

    #[test]
    fn replies() {
        assert_eq!(
            identity().ping().to_string(),
            r#"{"type":"io.nats.micro.v1.ping_response","name":"calc","id":"KdK2Pyo1H1jY33kM4bk8EV","version":"1.2.3","metadata":{"a":"b"}}"#
        );
        assert_eq!(
            identity().info("d", [place()].into_iter()).to_string(),
            r#"{"type":"io.nats.micro.v1.info_response","name":"calc","id":"KdK2Pyo1H1jY33kM4bk8EV","version":"1.2.3","metadata":{"a":"b"},"description":"d","endpoints":[{"name":"add","subject":"math.add.it","queue_group":"q","metadata":{"e":"f"}}]}"#
        );
        let counts = Counts { requests: 3, errors: 1, last_error: "401:nope".into(), time: 80844 };
        assert_eq!(
            identity()
                .stats("2026-11-26T07:58:59.369Z", [(place(), counts, Some(data("{\"x\": 1.50}")))].into_iter())
                .to_string(),
            r#"{"type":"io.nats.micro.v1.stats_response","name":"calc","id":"KdK2Pyo1H1jY33kM4bk8EV","version":"1.2.3","metadata":{"a":"b"},"started":"2026-11-26T07:58:59.369Z","endpoints":[{"name":"add","subject":"math.add.it","queue_group":"q","num_requests":3,"num_errors":1,"last_error":"401:nope","processing_time":80844,"average_processing_time":26948,"data":{"x":1.50}}]}"#
        );
        let none = identity().stats("t", [(place(), Counts::default(), None)].into_iter());
        assert_eq!(none["endpoints"][0]["average_processing_time"], 0);
        assert_eq!(identity().info("", [].into_iter())["endpoints"].to_string(), "[]");
    }

    #[test]
    fn counts() {
        let mut counts = Counts::default();
        counts.drop_requests(0);
        assert_eq!(counts, Counts::default());
        counts.fail("401", "nope");
        assert_eq!((counts.errors, counts.last_error.as_str()), (1, "401:nope"));
        counts.drop_requests(3);
        assert_eq!((counts.errors, counts.last_error.as_str()), (4, "slow consumer"));
    }

    #[test]
    fn errors() {
        assert_eq!(description("one\ntwo"), "one");
        assert_eq!(description("\r\n  two \r\n"), "two");
        assert_eq!(description(""), "handler failed");
        for (code, good) in [("400", true), ("-1", true), ("0", true), ("", false), ("4x", false), ("1.5", false), (" 1", false)]
        {
            assert_eq!(is_code(code), good, "{code}");
        }
        assert_eq!(data("no json"), Json::from("no json"));
    }

    #[test]
    fn refusals() {
        let text = "permissions violation for subscription to \"a.b\" using queue \"q\"";
        assert_eq!(refused(text), Some(("a.b", "q")));
        assert_eq!(refused("permissions violation for subscription to \"a.b\""), Some(("a.b", "")));
        assert_eq!(refused("permissions violation for publish to \"a.b\""), None);
    }
}
