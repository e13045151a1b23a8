//! Continuous consumption (NATS ADR-37) as a state machine: what is asked for, when, and what follows from a status or from
//! silence. Without clock and connection: the time is handed in, actions are fetched.
//!
//! What is outstanding is what was asked for, has not been delivered to the script, and was not reported as undeliverable. It
//! has two parts: `coming`, which the server still owes, and `held`, which is here. A busy script holds, so nothing is asked for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::pull::PullRequest;
use super::pull_plan::{Amount, Plan};
use super::pull_status::Verdict;

mod close;
mod loss;
mod remake;

pub(crate) use loss::Loss;

/// Pause after the server said that nothing will come.
const PAUSE: Duration = Duration::from_millis(250);

/// First and longest pause after one pull too many.
const CROWDED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// First and longest pause while nobody answers.
const NOBODY: (Duration, Duration) = (PAUSE, Duration::from_secs(10));

/// Number of pulls in a row that nobody answers, after which the consumer is asked for.
const SUSPICION: u32 = 3;

/// Number of heartbeats whose absence is silence.
const MISSED: u32 = 2;

/// What has to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Send this request.
    Pull(Box<PullRequest>),
    /// What the present inbox was asked for must not come any more: take another one.
    NewInbox,
    /// Ask whether the consumer exists.
    AskInfo,
    /// Tell of a status.
    Warn(u16, String),
    /// Tell that heartbeats are missing.
    Missed,
    /// Tell of a new pin.
    Pinned(String),
    /// Tell that the pin is lost.
    Unpinned(String),
    /// The consumer is of no use any more: find another one.
    Lost(Loss),
    /// The end, for this reason.
    End(String),
}

/// The state machine.
pub(crate) struct Consumption {
    plan: Plan,
    coming: Amount,
    held: Amount,
    /// Messages that came, and those of them that were delivered to the script.
    arrived: u64,
    delivered: u64,
    pulls: u64,
    last_pull: Amount,
    /// Bytes that were too few for the next message.
    too_few: Option<u64>,
    /// Time of the last pull or status.
    heard: Instant,
    /// Time before which nothing is asked for.
    not_before: Option<Instant>,
    crowded: Option<Duration>,
    nobody: Option<Duration>,
    unanswered: u32,
    connected: bool,
    /// Whether there is no consumer at the moment.
    away: bool,
    /// When the floor was asked for, and how many messages had been delivered by then.
    looked: Option<(Instant, u64)>,
    paused: bool,
    closing: bool,
    over: bool,
    actions: VecDeque<Action>,
}

fn doubled(pause: &mut Option<Duration>, (first, most): (Duration, Duration)) -> Duration {
    let next = pause.map_or(first, |last| (last * 2).min(most));
    *pause = Some(next);
    next
}

impl Consumption {
    /// Nothing has been asked for.
    pub(crate) fn new(plan: Plan, now: Instant) -> Consumption {
        Consumption {
            plan,
            coming: Amount::default(),
            held: Amount::default(),
            arrived: 0,
            delivered: 0,
            pulls: 0,
            last_pull: Amount::default(),
            too_few: None,
            heard: now,
            not_before: None,
            crowded: None,
            nobody: None,
            unanswered: 0,
            connected: true,
            away: false,
            looked: None,
            paused: false,
            closing: false,
            over: false,
            actions: VecDeque::new(),
        }
    }

    /// What is asked for and not delivered.
    pub(crate) fn outstanding(&self) -> u64 {
        self.coming.msgs + self.held.msgs
    }

    /// Number of messages delivered to the script.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Number of requests sent.
    pub(crate) fn pulls(&self) -> u64 {
        self.pulls
    }

    /// Identity of the pinned client.
    pub(crate) fn pin(&self) -> Option<&str> {
        self.plan.priority.id.as_deref()
    }

    /// Whether a message that comes now was never asked for, because the number after which it is over is reached.
    pub(crate) fn is_surplus(&self) -> bool {
        self.plan.stop_after.is_some_and(|most| self.arrived >= most)
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// A message of this size came, to the present inbox.
    pub(crate) fn message(&mut self, bytes: u64, pin: Option<&str>) {
        self.coming.take(Amount { msgs: 1, bytes });
        self.late_message(bytes);
        if let Some(pin) = pin.filter(|pin| self.pin() != Some(pin)) {
            self.plan.priority.id = Some(pin.to_string());
            self.actions.push_back(Action::Pinned(pin.to_string()));
        }
    }

    /// A message of this size came that the script has had before.
    pub(crate) fn skipped(&mut self, bytes: u64) {
        self.coming.take(Amount { msgs: 1, bytes });
        self.answered();
    }

    /// A message of this size came to a former inbox: what is outstanding is asked for again already, so that is no part of it.
    pub(crate) fn late_message(&mut self, bytes: u64) {
        self.held.add(Amount { msgs: 1, bytes });
        self.arrived += 1;
        self.answered();
    }

    /// The script has dealt with messages.
    pub(crate) fn done(&mut self, amount: Amount) {
        self.held.take(amount);
        self.delivered += amount.msgs;
        if self.plan.stop_after.is_some_and(|most| self.delivered >= most) {
            self.end("stop_after");
        } else if self.closing && self.held.msgs == 0 && self.coming.msgs == 0 {
            self.end("drained");
        }
    }

    fn answered(&mut self) {
        (self.crowded, self.nobody, self.unanswered, self.too_few) = (None, None, 0, None);
    }

    /// A status came.
    pub(crate) fn status(&mut self, now: Instant, code: u16, description: &str, verdict: Verdict) {
        if self.over {
            return;
        }
        self.heard = now;
        if self.loses_by(&verdict) {
            return;
        }
        if !matches!(verdict, Verdict::Nobody | Verdict::Crowded | Verdict::Oversize(..)) {
            self.answered();
        }
        let warning = Action::Warn(code, description.to_string());
        match verdict {
            Verdict::Undelivered(msgs, bytes) => self.coming.take(Amount { msgs, bytes }),
            Verdict::Oversize(msgs, bytes) => {
                self.coming.take(Amount { msgs, bytes });
                (self.nobody, self.unanswered) = (None, 0);
                self.too_few = Some(bytes);
                if self.plan.max_bytes.is_some_and(|most| bytes >= most) {
                    // It never fits. Somebody else may take it, or it may be deleted.
                    self.too_few = None;
                    self.actions.push_back(warning);
                    let pause = doubled(&mut self.crowded, CROWDED);
                    self.wait(now, pause);
                }
            }
            Verdict::Over => {
                self.coming = Amount::default();
                self.wait(now, PAUSE);
            }
            Verdict::Unpinned(rest) => {
                match rest {
                    Some((msgs, bytes)) => self.coming.take(Amount { msgs, bytes }),
                    None => self.coming = Amount::default(),
                }
                if let Some(pin) = self.plan.priority.id.take() {
                    self.actions.push_back(Action::Unpinned(pin));
                } else {
                    // Refused though it named no pin: asking again at once would spin.
                    self.wait(now, PAUSE);
                }
            }
            Verdict::TooMuch(limit) => {
                self.coming.take(self.last_pull);
                self.actions.push_back(warning);
                let before = (self.plan.max_msgs, self.plan.max_bytes, self.plan.expires);
                self.plan.observe(limit);
                if before == (self.plan.max_msgs, self.plan.max_bytes, self.plan.expires) {
                    // It was within the limit, so that the next one would be refused as well.
                    let pause = doubled(&mut self.crowded, CROWDED);
                    self.wait(now, pause);
                }
            }
            Verdict::Crowded => {
                self.coming.take(self.last_pull);
                self.actions.push_back(warning);
                let pause = doubled(&mut self.crowded, CROWDED);
                self.wait(now, pause);
            }
            Verdict::Nobody => {
                self.coming = Amount::default();
                self.unanswered += 1;
                if self.unanswered.is_multiple_of(SUSPICION) {
                    self.actions.push_back(Action::AskInfo);
                }
                let pause = doubled(&mut self.nobody, NOBODY);
                self.wait(now, pause);
            }
            Verdict::End | Verdict::Gone => self.end(description),
            Verdict::Unknown => self.actions.push_back(warning),
        }
    }

    fn wait(&mut self, now: Instant, pause: Duration) {
        self.not_before = Some(self.not_before.map_or(now + pause, |before| before.max(now + pause)));
    }

    /// The connection was lost.
    pub(crate) fn disconnected(&mut self) {
        self.connected = false;
    }

    /// There is a connection again: the server no longer owes anything.
    pub(crate) fn reconnected(&mut self, now: Instant) {
        self.connected = true;
        if self.plan.renews || self.away {
            return self.lose(Loss::Connection);
        }
        self.forget_coming(now);
        (self.not_before, self.unanswered, self.too_few) = (None, 0, None);
    }

    fn forget_coming(&mut self, now: Instant) {
        self.coming = Amount::default();
        self.heard = now;
        if !self.closing && !self.over {
            self.actions.push_back(Action::NewInbox);
        }
    }

    /// Ends it for this reason.
    pub(crate) fn end(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.over, true) {
            self.actions.push_back(Action::End(reason.to_string()));
        }
    }

    /// Time at which silence is no longer patience, if the last sign of life was then; `None` if nothing is expected.
    pub(crate) fn silent_at(&self, life: Instant) -> Option<Instant> {
        let owes = (self.plan.pushed && !self.is_surplus()) || self.coming.msgs > 0;
        let waits = self.connected && !self.away && !self.closing && !self.over && owes;
        waits.then(|| life.max(self.heard) + self.plan.heartbeat * MISSED)
    }

    /// Nothing came for too long.
    pub(crate) fn silent(&mut self, now: Instant) {
        self.actions.push_back(Action::Missed);
        if self.plan.renews {
            return self.lose(Loss::Silence);
        }
        // Older servers say nothing at all if there is no such consumer.
        self.unanswered += 1;
        if self.unanswered.is_multiple_of(SUSPICION) {
            self.actions.push_back(Action::AskInfo);
        }
        self.forget_coming(now);
    }

    /// Time of the next pull, where only time stands in its way.
    pub(crate) fn pull_at(&self) -> Option<Instant> {
        self.share().and(self.not_before)
    }

    /// What is to be done; to be called until there is nothing.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Action> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        let request = self.wanted()?;
        if self.not_before.is_some_and(|before| now < before) {
            return None;
        }
        self.not_before = None;
        self.heard = now;
        self.pulls += 1;
        let bytes = request.max_bytes.map_or(0, |bytes| bytes as u64);
        self.last_pull = Amount { msgs: request.batch as u64, bytes };
        self.coming.add(self.last_pull);
        self.look_for_floor(now);
        Some(Action::Pull(Box::new(request)))
    }

    /// Whether something may have to be done, now or at some time.
    pub(crate) fn has_work(&self) -> bool {
        !self.actions.is_empty() || self.share().is_some()
    }

    /// Whether more may come before the script has dealt with what is here.
    pub(crate) fn expects_more(&self) -> bool {
        self.coming.msgs > 0 || self.share().is_some() || self.comes_unasked()
    }

    /// The request that would be sent now.
    fn wanted(&self) -> Option<PullRequest> {
        let (batch, bytes) = self.share()?;
        Some(PullRequest {
            batch: batch as i64,
            max_bytes: bytes.map(|bytes| bytes as i64),
            expires: Some(self.plan.expires.as_millis() as i64),
            idle_heartbeat: Some(self.plan.heartbeat.as_millis() as i64),
            priority: self.plan.priority.clone(),
        })
    }

    /// Number of messages that would be asked for now, and how many bytes they may have.
    fn share(&self) -> Option<(u64, Option<u64>)> {
        if !self.connected || self.away || self.plan.pushed || self.paused || self.closing || self.over {
            return None;
        }
        let outstanding = self.outstanding();
        let (few, bytes) = match self.plan.max_bytes {
            None => (outstanding < self.plan.threshold, None),
            Some(most) => {
                let bytes = self.coming.bytes + self.held.bytes;
                let left = most.saturating_sub(bytes);
                // What is held makes room for the next message when the script has dealt with it.
                (bytes < self.plan.threshold && self.too_few.is_none_or(|few| left > few), Some(left))
            }
        };
        let left = self.plan.stop_after.map_or(u64::MAX, |most| most.saturating_sub(self.delivered + outstanding));
        // With a limit in bytes the messages of pulls that overlap may be more than the server allows in one.
        let room = if bytes.is_some() { self.plan.max_msgs } else { self.plan.max_msgs.saturating_sub(outstanding) };
        let batch = room.min(left);
        (few && batch > 0).then_some((batch, bytes))
    }
}

#[cfg(test)]
#[path = "consumption_tests.rs"]
mod tests;
