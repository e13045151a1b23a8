//! Tests of pending calls and their deadlines.

use super::super::pending::Part;
use super::*;
use std::time::Duration;

fn call(deadline: Option<Instant>) -> PendingCall {
    PendingCall::new(Kind::Shared, None, deadline)
}

/// Before any test.
fn long_ago() -> Instant {
    Instant::now().checked_sub(Duration::from_secs(10)).unwrap()
}

/// Ends the call that is due.
fn ended(c: &mut Calls, now: Instant, connected: bool) -> (CallId, PendingCall) {
    let (id, due) = c.pop_due(now, connected, long_ago()).unwrap();
    assert_eq!(due, Due::End);
    (id, c.remove(id).unwrap())
}

#[test]
fn deadlines() {
    let mut c = Calls::default();
    let t = Instant::now();
    let ms = |n| t + Duration::from_millis(n);
    let (a, b, d) = (1, 2, 3);
    for (id, at, earliest) in [(a, 20, true), (b, 10, true), (d, 30, false)] {
        assert_eq!(c.upcoming(), id);
        assert_eq!(c.add(call(Some(ms(at)))), earliest);
    }
    let aside = c.next_aside();
    assert!(aside > ASIDE && !c.insert(aside, call(None)) && c.remove(aside).is_some());
    assert_eq!(c.upcoming(), 4);
    assert!(c.pop_due(ms(5), true, long_ago()).is_none());
    assert_eq!(c.next_deadline(), Some(ms(10)));
    assert_eq!(ended(&mut c, ms(25), true).0, b);
    assert!(c.remove(a).is_some());
    assert!(c.pop_due(ms(25), true, long_ago()).is_none());
    assert_eq!(c.requests(), [d]);
    assert_eq!(ended(&mut c, ms(30), true).0, d);
    assert!(c.next_deadline().is_none());
}

#[test]
fn silence() {
    let mut c = Calls::default();
    let mut subs = super::super::subs::SubTable::default();
    let mut own = |deadline| PendingCall::new(Kind::Own { sub: subs.add_call(1, "inbox".into(), None), left: 9 }, None, deadline);
    let t = Instant::now();
    let ms = |n| t + Duration::from_millis(n);
    let silence = Some(Silence { most: Duration::from_millis(10), since: t, settled_by: None });
    c.add(PendingCall { silence, ..own(Some(ms(100))) });
    assert_eq!(c.next_deadline(), Some(ms(10)));
    c.get_mut(1).unwrap().silence.as_mut().unwrap().since = ms(5);
    assert!(c.pop_due(ms(12), true, long_ago()).is_none());
    assert_eq!(c.next_deadline(), Some(ms(15)));
    // Without a connection nothing can be heard.
    assert!(c.pop_due(ms(20), false, long_ago()).is_none());
    assert_eq!(c.next_deadline(), Some(ms(30)));
    assert_eq!(ended(&mut c, ms(30), true).0, 1);
    c.add(PendingCall { silence, ..own(Some(ms(50))) });
    assert_eq!(ended(&mut c, ms(50), false).0, 2);
}

/// A call that may hear nothing for 10 ms, and after these it is being settled whether it is the server that is silent.
struct Doubt {
    calls: Calls,
    start: Instant,
    id: CallId,
    trip: CallId,
}

impl Doubt {
    fn new() -> Doubt {
        let (mut calls, start) = (Calls::default(), Instant::now());
        let silence = Some(Silence { most: Duration::from_millis(10), since: start, settled_by: None });
        calls.add(PendingCall { silence, ..call(None) });
        let mut doubt = Doubt { calls, start, id: 1, trip: 0 };
        assert_eq!(doubt.due(10, 5), Some((1, Due::Settle)));
        doubt.trip = doubt.calls.settle(1, doubt.at(10)).unwrap();
        doubt
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// What is due then, if something last came at `received`.
    fn due(&mut self, ms: u64, received: u64) -> Option<(CallId, Due)> {
        self.calls.pop_due(self.at(ms), true, self.at(received))
    }
}

#[test]
fn a_silence_is_settled_where_something_else_came() {
    let mut doubt = Doubt::new();
    let (id, trip) = (doubt.id, doubt.trip);
    assert!(doubt.calls.probes().contains(&trip) && doubt.calls.waiting() == 1 && doubt.calls.requests() == [id]);
    // The answer is awaited as long as anything comes.
    for at in (20..5000).step_by(10) {
        assert_eq!(doubt.due(at, at - 1), None);
    }
    assert_eq!(doubt.calls.settled(id, trip), Some(id));
    // Nothing comes any more.
    assert_eq!(doubt.due(5488, 4989), None);
    assert_eq!(doubt.due(5489, 4989), Some((trip, Due::End)));
}

#[test]
fn a_sign_of_life_ends_the_doubt() {
    let mut doubt = Doubt::new();
    let heard = doubt.at(15);
    doubt.calls.get_mut(doubt.id).unwrap().silence.as_mut().unwrap().heard(heard);
    assert_eq!(doubt.calls.settled(doubt.id, doubt.trip), None);
    assert_eq!(doubt.due(24, 15), None);
    assert_eq!(doubt.due(25, 15), Some((doubt.id, Due::End)));
}

#[test]
fn a_round_trip_that_is_lost_settles_nothing() {
    let mut doubt = Doubt::new();
    doubt.calls.remove(doubt.trip);
    assert_eq!(doubt.due(20, 5), None);
    assert_eq!(doubt.due(30, 5), Some((doubt.id, Due::End)));
}

#[test]
fn the_time_of_a_request_runs_without_a_connection() {
    let mut c = Calls::default();
    let t = Instant::now();
    let silence = Some(Silence { most: Duration::from_millis(10), since: t, settled_by: None });
    c.add(PendingCall { silence, ..call(None) });
    let ms = Duration::from_millis;
    assert_eq!(c.pop_due(t + ms(10), false, t + ms(5)), Some((1, Due::End)));
}

#[test]
fn stale_deadlines_do_not_pile_up() {
    let mut c = Calls::default();
    let far = Instant::now() + Duration::from_secs(3600);
    for _ in 0..10_000 {
        let id = c.upcoming();
        c.add(call(Some(far)));
        c.remove(id);
    }
    assert!(c.deadlines.len() < 2000);
}

#[test]
fn silence_counts_from_the_last_answer() {
    let mut c = Calls::default();
    let t = Instant::now();
    let ms = |n| t + Duration::from_millis(n);
    let mut subs = crate::engine::subs::SubTable::default();
    let mut gather = |c: &mut Calls, deadline, stall: Option<u64>| {
        let id = c.upcoming();
        let sub = subs.add_call(id, format!("inbox.{id}"), None);
        let stall = stall.map(Duration::from_millis);
        let kind = Kind::Gather { sub, left: 9, judge: |_| Part::Answer, stall, stalled: None };
        c.add(PendingCall::new(kind, None, deadline));
        id
    };
    let (a, b) = (gather(&mut c, Some(ms(100)), Some(10)), gather(&mut c, None, Some(40)));
    let none = gather(&mut c, Some(ms(200)), None);
    assert_eq!(c.gathering(), [a, b, none]);
    // Before the first answer only the deadline counts.
    assert!(c.pop_due(ms(50), true, long_ago()).is_none());
    assert_eq!((c.heard(a, ms(50)), c.heard(b, ms(51)), c.heard(none, ms(51))), (true, false, false));
    assert_eq!(c.next_deadline(), Some(ms(60)));
    assert!(!c.heard(a, ms(55)));
    assert!(c.pop_due(ms(60), true, long_ago()).is_none());
    assert_eq!(c.next_deadline(), Some(ms(65)));
    let (id, stalled) = ended(&mut c, ms(65), true);
    assert!(id == a && stalled.is_stalled());
    assert!(!c.heard(a, ms(65)));
    let (id, stalled) = ended(&mut c, ms(91), true);
    assert!(id == b && stalled.is_stalled());
    let (id, late) = ended(&mut c, ms(200), true);
    assert!(id == none && !late.is_stalled() && late.inbox().is_some());

    // Answers that keep coming do not hold it beyond its deadline.
    let d = gather(&mut c, Some(ms(300)), Some(30));
    for at in (210..300).step_by(10) {
        c.heard(d, ms(at));
        assert!(c.pop_due(ms(at), true, long_ago()).is_none());
    }
    let (id, late) = ended(&mut c, ms(300), true);
    assert!(id == d && !late.is_stalled());
}
