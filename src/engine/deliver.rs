//! Delivery of a subscription's messages to its owner: to the message lane, or as replies to calls.

use super::calls::Calls;
use super::counted::Outcome;
use super::error::{Code, Problem};
use super::listener::{End, Event};
use super::message::Message;
use super::pending::{Again, Kind, Part, PendingCall};
use super::shared::{Shared, count};
use super::subs::{Owner, Sub};
use super::{CallId, hearing, listen, lock, outbox};
use async_nats::StatusCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Delivers messages that came for a subscription; false if it has ended.
pub(super) fn deliver(shared: &Shared, epoch: u64, sub: &Arc<Sub>, messages: Vec<Message>) -> bool {
    let owner = sub.owner();
    count(&shared.counters.in_msgs, messages.len() as u64);
    count(&shared.counters.in_bytes, messages.iter().map(|m| m.body_len() as u64).sum());
    match owner {
        Owner::User => to_user(shared, epoch, sub, messages),
        Owner::Inbox => {
            sub.state().delivered += messages.len() as u64;
            let mut calls = lock(&shared.calls);
            let mut events = Vec::with_capacity(messages.len());
            let mut earliest = false;
            for m in messages {
                earliest |= to_shared_call(&mut calls, m, &mut events);
            }
            // Under the lock, so that `cancel` is silent once it returned.
            shared.listener.events(events);
            let idle = calls.is_quiet();
            drop(calls);
            if earliest {
                shared.timer_wake.notify_one();
            }
            if idle {
                shared.outbox.linger();
            }
            true
        }
        Owner::Call(id) => to_own_call(shared, id, sub, messages),
    }
}

fn to_user(shared: &Shared, epoch: u64, sub: &Arc<Sub>, messages: Vec<Message>) -> bool {
    let hot = &shared.hot;
    let max_msgs = hot.msgs_limit.load(Ordering::Relaxed);
    let max_bytes = hot.bytes_limit.load(Ordering::Relaxed);
    // Delivered under the lock, so that nothing can follow an unsubscribe.
    let mut state = sub.state();
    if state.ended {
        return false;
    }
    let accepted = sub.accept(&mut state, messages, max_msgs, max_bytes);
    if !accepted.batch.is_empty() {
        shared.listener.messages(sub, accepted.batch);
    }
    if accepted.ended {
        shared.listener.sub_end(sub.id());
    }
    let untold = accepted.ended && state.told_limit().is_none();
    drop(state);
    if accepted.ended {
        lock(&shared.subs).remove(sub);
    }
    if untold {
        // The server cannot count that far: it goes on until it is told to stop.
        shared.outbox.with(|q| q.unsubscribe(sub));
    }
    count(&shared.counters.dropped, accepted.dropped);
    if accepted.slow {
        shared.error(epoch, slow_consumer(sub));
    }
    !accepted.ended
}

/// The error of a subscription whose queue is over its limit.
fn slow_consumer(sub: &Sub) -> Problem {
    let text = format!("Slow consumer: messages of subscription {} ({}) were dropped", sub.id(), sub.subject());
    Problem::new(Code::SlowConsumer, text)
}

/// The shared inbox: the last token of the subject is the number of the call. True if the timer must be woken.
fn to_shared_call(calls: &mut Calls, m: Message, events: &mut Vec<Event>) -> bool {
    let subject = m.subject();
    let token = subject.bytes().rposition(|b| b == b'.').map_or(0, |dot| dot + 1);
    let id = subject.get(token..).and_then(|t| t.parse().ok());
    // Late and duplicate replies find no call.
    let Some(id) = id else { return false };
    // Somebody else may publish to the number of a call with an inbox of its own.
    let Some(call) = calls.get_mut(id).filter(|call| matches!(call.kind, Kind::Shared)) else { return false };
    let end = match &mut call.again {
        _ if !no_responders(&m) => Ok(m),
        None => Err(End::NoResponders(m)),
        Some(again) => match again.unheard(m, Instant::now(), call.deadline) {
            Ok((at, deadline)) => {
                call.deadline = deadline.or(call.deadline);
                let earliest = calls.wake_at(id, at);
                if let Some(deadline) = deadline {
                    calls.wake_at(id, deadline);
                }
                return earliest;
            }
            Err(m) => Err(End::NoResponders(m)),
        },
    };
    let Some(PendingCall { counted, subject, .. }) = calls.remove(id) else { return false };
    match (counted, end) {
        (None, Ok(message)) => events.push(Event::Reply { call: id, message }),
        (None, Err(end)) => events.push(Event::End { call: id, end }),
        (Some(counted), end) => {
            let outcome = end.as_ref().map_or_else(Outcome::End, Outcome::Reply);
            events.extend(counted.settle(subject.as_deref().unwrap_or_default(), outcome));
        }
    }
    false
}

fn no_responders(m: &Message) -> bool {
    m.status() == Some(StatusCode::NO_RESPONDERS) && m.payload().is_empty()
}

/// Asks again, for less, if the status says that a pull asked for too much; the number of messages that is.
fn ask_for_less(shared: &Shared, id: CallId, sub: &Arc<Sub>, again: &mut Again, status: &Message) -> Option<u64> {
    let description = status.description().unwrap_or_default();
    let (payload, batch) = again.amend?(&again.msg.payload, status.status()?.as_u16(), &description)?;
    again.msg.payload = payload;
    shared.outbox.with(|q| q.publish(&again.msg.as_publication(), &[sub.subject()], outbox::Kind::Request(id)));
    Some(batch)
}

fn to_own_call(shared: &Shared, id: CallId, sub: &Arc<Sub>, messages: Vec<Message>) -> bool {
    let mut calls = lock(&shared.calls);
    match calls.get_mut(id).map(|call| &call.kind) {
        Some(Kind::Talk(_)) => return hearing::hear(shared, calls, id, sub, &messages),
        Some(Kind::Listen { .. }) => return listen::hear(shared, calls, id, sub, messages),
        _ => {}
    }
    let mut events = Vec::with_capacity(messages.len() + 1);
    let mut ended = None;
    let mut earliest = false;
    for m in messages {
        let Some(call) = calls.get_mut(id) else {
            break;
        };
        if let Some(silence) = &mut call.silence {
            silence.heard(Instant::now());
        }
        let (left, pull, part) = match &mut call.kind {
            Kind::Own { left, .. } => (left, false, Part::Answer),
            Kind::Pull { left, bytes, again, .. } => {
                if m.status().is_none() {
                    *bytes += m.full_len() as u64;
                } else if let Some(amended) = ask_for_less(shared, id, sub, again, &m) {
                    sub.state().delivered += 1;
                    *left = amended;
                    continue;
                }
                (left, true, Part::Answer)
            }
            Kind::Gather { left, judge, .. } => (left, false, judge(&m)),
            Kind::Shared | Kind::Ping | Kind::Settle(_) | Kind::Listen { .. } | Kind::Beat { .. } | Kind::Talk(_) => break,
        };
        sub.state().delivered += 1;
        ended = match m.status() {
            Some(StatusCode::IDLE_HEARTBEAT) if pull => None,
            Some(_) if pull => Some(End::Status(m)),
            Some(_) if no_responders(&m) => Some(End::NoResponders(m)),
            _ if part == Part::Mark => Some(End::Status(m)),
            _ => {
                *left = left.saturating_sub(1);
                let full = *left == 0 || part == Part::Last;
                events.push(Event::Reply { call: id, message: m });
                full.then_some(End::Full)
            }
        };
        if ended.is_some() {
            break;
        }
    }
    if let Some(end) = ended {
        calls.remove(id);
        events.push(Event::End { call: id, end });
    } else if !events.is_empty() {
        earliest = calls.heard(id, Instant::now());
    }
    shared.listener.events(events);
    let live = calls.get_mut(id).is_some();
    let idle = calls.is_quiet();
    drop(calls);
    if earliest {
        shared.timer_wake.notify_one();
    }
    if !live {
        let state = sub.state();
        let full = state.told_limit().is_some() && state.max.is_some_and(|max| state.delivered >= max);
        drop(state);
        if full {
            // The server has ended it by itself.
            lock(&shared.subs).remove(sub);
            shared.end_sub(sub);
        } else {
            shared.end_now(sub);
        }
    }
    if idle {
        shared.outbox.linger();
    }
    live
}
