//! The listening side of conversations: answers, and times that have come.

use super::calls::Calls;
use super::listener::Event;
use super::message::{Message, Publication};
use super::pending::{Kind, PendingCall};
use super::shared::Shared;
use super::subs::Sub;
use super::talk::Turn;
use super::{CallId, outbox};
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

/// Enters the time of the next call; true if the timer must be woken for it.
pub(super) fn note_time(calls: &mut Calls, id: CallId) -> bool {
    let Some(PendingCall { kind: Kind::Talk(talking), .. }) = calls.get_mut(id) else { return false };
    let (before, next) = (talking.next, talking.talk.next());
    talking.next = next;
    // A time that is put off is found when the former one comes.
    let Some(next) = next.filter(|next| before.is_none_or(|before| *next < before)) else { return false };
    calls.wake_at(id, next)
}

/// Takes answers; false if it is over.
pub(super) fn hear(shared: &Shared, mut calls: MutexGuard<'_, Calls>, id: CallId, sub: &Arc<Sub>, messages: &[Message]) -> bool {
    sub.state().delivered += messages.len() as u64;
    let Some(PendingCall { kind: Kind::Talk(talking), .. }) = calls.get_mut(id) else { return false };
    let (now, owner) = (Instant::now(), talking.owner);
    let (mut tell, mut over) = (false, false);
    for message in messages {
        let turn = talking.talk.answer(message, now);
        tell |= turn.tell;
        say_it(shared, id, &turn);
        if turn.over {
            over = true;
            break;
        }
    }
    let earliest = !over && note_time(&mut calls, id);
    if over {
        calls.remove(id);
    }
    if tell {
        shared.listener.event(Event::Settled { owner });
    }
    drop(calls);
    if earliest {
        shared.timer_wake.notify_one();
    }
    if over {
        shared.end_now(sub);
    }
    !over
}

fn say_it(shared: &Shared, id: CallId, turn: &Turn) {
    if let Some((subject, reply)) = &turn.say {
        let publication = Publication { subject, reply: None, headers: &[], payload: &[] };
        shared.outbox.with_at_once(|q| q.publish(&publication, &[reply], outbox::Kind::Part(id)));
    }
}

/// Its time has come; gives the inbox if it is over.
pub(super) fn tick(shared: &Shared, calls: &mut Calls, id: CallId, now: Instant) -> Option<Arc<Sub>> {
    let Some(PendingCall { kind: Kind::Talk(talking), .. }) = calls.get_mut(id) else { return None };
    talking.next = None;
    let (turn, owner) = (talking.talk.tick(now), talking.owner);
    say_it(shared, id, &turn);
    if turn.tell {
        shared.listener.event(Event::Settled { owner });
    }
    if turn.over {
        return calls.remove(id).and_then(PendingCall::inbox);
    }
    note_time(calls, id);
    None
}
