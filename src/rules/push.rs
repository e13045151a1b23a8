//! What a consumer that pushes says of itself: heartbeats and flow control. No I/O, no clock.

use std::time::Duration;

/// Number of heartbeats that may be missed before something is wrong.
const MISSED: u32 = 3;

/// Kind of a message on the consumer's subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// A message of the stream.
    Data,
    /// A sign of life.
    Heartbeat {
        /// Sequence of the consumer's last delivery, if it says so.
        last: Option<u64>,
        /// Subject to which an answer must go before a stalled consumer continues.
        stalled: Option<String>,
    },
    /// An answer to its reply subject is wanted.
    Flow,
    /// Another status.
    Other,
}

/// Tells what a message is by its status, description and header lines.
pub(crate) fn control<T: AsRef<str>>(status: Option<u16>, description: &str, headers: impl Iterator<Item = (T, T)>) -> Control {
    match status {
        None => Control::Data,
        Some(100) if description.starts_with("Flow") => Control::Flow,
        Some(100) => {
            let (mut last, mut stalled) = (None, None);
            for (name, value) in headers {
                let (name, value) = (name.as_ref(), value.as_ref());
                if last.is_none() && name.eq_ignore_ascii_case("Nats-Last-Consumer") {
                    last = Some(value.parse().ok());
                } else if stalled.is_none() && name.eq_ignore_ascii_case("Nats-Consumer-Stalled") {
                    stalled = Some(value.to_string());
                }
            }
            Control::Heartbeat { last: last.flatten(), stalled }
        }
        Some(_) => Control::Other,
    }
}

/// Remaining time to wait for a consumer that has been silent for `silence`; `None` if it missed its heartbeats.
pub(crate) fn patience(silence: Duration, heartbeat: Duration) -> Option<Duration> {
    heartbeat.saturating_mul(MISSED).checked_sub(silence).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let none = || std::iter::empty::<(&str, &str)>();
        assert_eq!(control(None, "", none()), Control::Data);
        assert_eq!(control(Some(100), "FlowControl Request", none()), Control::Flow);
        let headers = [("Nats-Last-Consumer", "7"), ("Nats-Last-Stream", "9"), ("Nats-Consumer-Stalled", "$JS.FC.x")];
        assert_eq!(
            control(Some(100), "Idle Heartbeat", headers.into_iter()),
            Control::Heartbeat { last: Some(7), stalled: Some("$JS.FC.x".to_string()) }
        );
        assert_eq!(control(Some(100), "Idle Heartbeat", none()), Control::Heartbeat { last: None, stalled: None });
        assert_eq!(control(Some(409), "Consumer Deleted", none()), Control::Other);
    }

    #[test]
    fn silence() {
        let ms = Duration::from_millis;
        assert_eq!(patience(ms(100), ms(200)), Some(ms(500)));
        assert_eq!(patience(ms(600), ms(200)), None);
        assert_eq!(patience(ms(601), ms(200)), None);
    }
}
