//! A fast batch (NATS ADR-50) as a state machine: its window, acknowledgements, gaps, pings, and its end. Without clock and
//! connection: the time is handed in.
//!
//! Sequences are counted twice. A message is *claimed* before it goes out, since its acknowledgement may come at once, and *sent*
//! afterwards, since a ping must not name a message that is still behind it.

use std::time::{Duration, Instant};

use super::fast_answer::{Answer, Op, Refusal};
use super::fast_gone::Gone;

/// Time without a message after which the server is told that the batch goes on: it forgets one after 10 s.
pub(crate) const ALIVE: Duration = Duration::from_secs(3);

/// Part of the timeout after whose silence the server is asked.
const PATIENCE: u32 = 3;

/// How a batch works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Number of messages for which an acknowledgement is wanted, at most.
    pub flow: u64,
    /// Number of acknowledgements that may be missing.
    pub outstanding: u64,
    /// Messages may be lost or refused without an end of the batch.
    pub tolerant: bool,
    /// Silence that ends it, or a full window or an end to which answers come, but no progress.
    pub timeout: Option<Duration>,
}

/// What the server told of a single message, or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The messages from the first number on, below the second, did not arrive.
    Gap(u64, u64),
    /// The message was refused.
    Refused(u64, Refusal),
}

/// How a batch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With an acknowledgement of what is stored; whether that is about all messages, and after a commit.
    Stored {
        /// A commit had been sent.
        asked: bool,
        /// All of them.
        complete: bool,
    },
    /// The server refused it.
    Refused(Refusal),
    /// The server kept silent.
    Timeout,
    /// Somebody answered who is no stream.
    NotAnAck,
}

/// Phase of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing was sent.
    New,
    /// The first message is out.
    Starting,
    /// The server has taken it on.
    Open,
    /// The server ends it, and will tell what is stored.
    Doomed,
    /// The end was sent.
    Ending,
    /// It is over.
    Over(End),
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It goes out under this number and with this operation.
    Go {
        /// Number.
        seq: u64,
        /// Operation.
        op: Op,
        /// Nothing is held back for company: the server's answer is wanted soon.
        at_once: bool,
    },
    /// It has to wait.
    Wait,
    /// There is nothing to end.
    Empty,
    /// It comes too late.
    Late,
}

/// What follows from an answer, or from the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reaction {
    /// Something to tell.
    pub news: Option<News>,
    /// Number of the message to ask about.
    pub ping: Option<u64>,
}

/// The state machine.
#[derive(Debug)]
pub(crate) struct Fast {
    setting: Setting,
    phase: Phase,
    claimed: u64,
    sent: u64,
    acked: u64,
    /// Messages above the acknowledged ones that were refused or lost.
    gone: Gone,
    /// Number of messages after which the server acknowledges.
    msgs: u64,
    /// Why the server ends it.
    cause: Option<Refusal>,
    /// Whether an answer of a stream has come.
    begun: bool,
    /// Since when an answer is due.
    due: Option<Instant>,
    /// Since when it waits for progress: for room in the window, or for its end.
    stuck: Option<Instant>,
    /// Time of a ping that has no answer.
    asked: Option<Instant>,
    /// Time of the last look at whether messages go out, and the number of them then.
    looked: Option<(Instant, u64)>,
}

impl Fast {
    /// A batch without messages.
    pub(crate) fn new(setting: Setting) -> Fast {
        Fast {
            setting,
            phase: Phase::New,
            claimed: 0,
            sent: 0,
            acked: 0,
            gone: Gone::default(),
            msgs: setting.flow,
            cause: None,
            begun: false,
            due: None,
            stuck: None,
            asked: None,
            looked: None,
        }
    }

    /// The phase.
    pub(crate) fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The highest number that is acknowledged.
    pub(crate) fn acked(&self) -> u64 {
        self.acked
    }

    /// Why the server ended it, or will, if that was a message.
    pub(crate) fn cause(&self) -> Option<&Refusal> {
        self.cause.as_ref()
    }

    /// Whether the server owes nothing, so that the next message may go.
    pub(crate) fn has_room(&self) -> bool {
        // The server acknowledges after so many messages that it has stored: where none is, the window would stay full.
        let under_way = self.claimed.saturating_sub(self.acked).saturating_sub(self.gone.count());
        under_way < self.msgs.saturating_mul(self.setting.outstanding)
    }

    /// A message is to go out.
    pub(crate) fn claim(&mut self, now: Instant) -> Claim {
        match self.phase {
            Phase::New => self.start(Phase::Starting, Op::Start, now),
            Phase::Open if self.has_room() => {
                self.claimed += 1;
                let full = !self.has_room();
                if full {
                    self.due.get_or_insert(now);
                    self.stuck = Some(now);
                }
                Claim::Go { seq: self.claimed, op: Op::Append, at_once: full || self.claimed.is_multiple_of(self.msgs) }
            }
            Phase::Starting | Phase::Open => Claim::Wait,
            Phase::Doomed | Phase::Ending | Phase::Over(_) => Claim::Late,
        }
    }

    /// The batch is to end, with a last message or without.
    pub(crate) fn finish(&mut self, with_message: bool, now: Instant) -> Claim {
        match self.phase {
            Phase::New if with_message => self.start(Phase::Ending, Op::Last, now),
            Phase::New => Claim::Empty,
            Phase::Open if !with_message || self.has_room() => {
                self.phase = Phase::Ending;
                (self.due, self.stuck) = (Some(now), Some(now));
                self.claimed += u64::from(with_message);
                let (seq, op) = if with_message { (self.claimed, Op::Last) } else { (self.claimed + 1, Op::End) };
                Claim::Go { seq, op, at_once: true }
            }
            Phase::Starting | Phase::Open | Phase::Doomed => Claim::Wait,
            Phase::Ending | Phase::Over(_) => Claim::Late,
        }
    }

    fn start(&mut self, phase: Phase, op: Op, now: Instant) -> Claim {
        (self.phase, self.claimed) = (phase, 1);
        (self.due, self.stuck, self.looked) = (Some(now), Some(now), Some((now, 1)));
        Claim::Go { seq: 1, op, at_once: true }
    }

    /// A claimed message went out.
    pub(crate) fn sent(&mut self, seq: u64) {
        self.sent = self.sent.max(seq.min(self.claimed));
    }

    /// A claimed message could not go out.
    pub(crate) fn unsent(&mut self, op: Op) {
        if op != Op::End {
            self.claimed = self.claimed.saturating_sub(1);
        }
        if matches!(self.phase, Phase::Starting | Phase::Ending) {
            self.phase = if self.claimed == 0 { Phase::New } else { Phase::Open };
            self.due = None;
        }
        self.stuck = self.stuck.filter(|_| self.waits());
    }

    /// Whether nothing can be published before an answer that tells of progress.
    fn waits(&self) -> bool {
        match self.phase {
            Phase::Open => !self.has_room(),
            Phase::Starting | Phase::Doomed | Phase::Ending => true,
            Phase::New | Phase::Over(_) => false,
        }
    }

    /// Number of messages of which it is known what became of them; never falls.
    fn settled(&self) -> u64 {
        self.acked + self.gone.count()
    }

    /// It ends for a reason outside of it.
    pub(crate) fn give_up(&mut self) {
        if !matches!(self.phase, Phase::Over(_)) {
            self.over(End::Timeout);
        }
    }

    fn over(&mut self, end: End) {
        self.phase = Phase::Over(end);
        (self.due, self.stuck, self.asked) = (None, None, None);
    }

    /// An answer came.
    pub(crate) fn answer(&mut self, answer: Answer, now: Instant) -> Reaction {
        let mut reaction = Reaction::default();
        if matches!(self.phase, Phase::New | Phase::Over(_)) {
            return reaction;
        }
        let starting = self.phase == Phase::Starting;
        let before = (self.phase.clone(), self.settled());
        match answer {
            Answer::Foreign => {
                if !self.begun {
                    self.over(End::NotAnAck);
                }
                return reaction;
            }
            Answer::Ack { seq, msgs } => {
                self.acked = self.acked.max(seq.min(self.claimed));
                self.gone.forget(self.acked);
                self.msgs = msgs.clamp(1, self.setting.flow.max(1));
                if starting {
                    self.phase = Phase::Open;
                }
                self.asked = None;
            }
            Answer::Gap { from, to } => {
                reaction.news = Some(News::Gap(from, to));
                self.lose(from, to);
                self.asked = None;
                self.mind(None);
            }
            Answer::Refused { seq, error } => {
                reaction.news = Some(News::Refused(seq, error.clone()));
                self.lose(seq, seq.saturating_add(1));
                self.mind(Some(error));
            }
            Answer::Failed { seq, op: Op::Append, error } if !starting => {
                // It can come before its sender has said that it went out, and a ping about an earlier message shows no gap.
                self.sent(seq);
                if !self.setting.tolerant {
                    self.cause.get_or_insert(error.clone());
                }
                reaction.news = Some(News::Refused(seq, error));
                self.lose(seq, seq.saturating_add(1));
                // The batch may be gone, or only this message: the answer to a ping is about the batch.
                if self.phase == Phase::Open && self.asked.is_none() {
                    reaction.ping = self.ask(now);
                }
            }
            Answer::Failed { error, .. } => self.over(End::Refused(error)),
            Answer::Stored { count } => {
                let asked = self.phase == Phase::Ending;
                self.acked = self.acked.max(count.min(self.claimed));
                self.over(End::Stored { asked, complete: asked && count >= self.claimed });
            }
        }
        self.begun = true;
        if !matches!(self.phase, Phase::Over(_)) {
            self.due = (self.waits() || self.asked.is_some()).then_some(now);
            // An answer to a ping shows that there is a server, not that it stores anything.
            let since = self.stuck.filter(|_| before == (self.phase.clone(), self.settled()));
            self.stuck = self.waits().then(|| since.unwrap_or(now));
        }
        reaction
    }

    /// The messages from the first number on, below the second, are not stored.
    fn lose(&mut self, from: u64, to: u64) {
        self.gone.add(from.max(self.acked + 1), to.min(self.claimed + 1));
    }

    /// A message is missing: unless that is minded, the server ends the batch.
    fn mind(&mut self, error: Option<Refusal>) {
        if self.setting.tolerant {
            return;
        }
        if self.cause.is_none() {
            self.cause = error;
        }
        if matches!(self.phase, Phase::Starting | Phase::Open) {
            self.phase = Phase::Doomed;
        }
    }

    fn ask(&mut self, now: Instant) -> Option<u64> {
        self.asked = Some(now);
        self.due.get_or_insert(now);
        Some(self.sent).filter(|sent| *sent > 0)
    }

    /// Whether the server can be asked: before the first answer it knows of no batch, and after the end it knows of none any more.
    fn answers_pings(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Doomed)
    }

    /// Time of the next [`Fast::tick`].
    pub(crate) fn next(&self) -> Option<Instant> {
        let silence = self.due.zip(self.setting.timeout);
        let end = silence.and_then(|(due, timeout)| due.checked_add(timeout));
        let ping = silence.filter(|_| self.answers_pings());
        let ping = ping.and_then(|(due, timeout)| self.asked.map_or(due, |asked| asked.max(due)).checked_add(timeout / PATIENCE));
        let alive = self.looked.filter(|_| self.answers_pings()).map(|(at, _)| at + ALIVE);
        let stuck = self.stuck.zip(self.setting.timeout).and_then(|(since, timeout)| since.checked_add(timeout));
        [end, stuck, ping, alive].into_iter().flatten().min()
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Instant) -> Reaction {
        let mut wanted = false;
        if let (Some(due), Some(timeout)) = (self.due, self.setting.timeout) {
            let past = |since: Instant, time: Duration| now.saturating_duration_since(since) >= time;
            if past(due, timeout) || self.stuck.is_some_and(|since| past(since, timeout)) {
                self.over(End::Timeout);
                return Reaction::default();
            }
            wanted = past(self.asked.map_or(due, |asked| asked.max(due)), timeout / PATIENCE);
        }
        if let Some((_, sent)) = self.looked.filter(|(at, _)| now.saturating_duration_since(*at) >= ALIVE) {
            wanted |= sent == self.sent;
            self.looked = Some((now, self.sent));
        }
        let ping = if wanted && self.answers_pings() { self.ask(now) } else { None };
        Reaction { news: None, ping }
    }
}

#[cfg(test)]
#[path = "fast_tests.rs"]
mod tests;
