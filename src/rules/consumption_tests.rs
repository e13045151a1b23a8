//! Tests of continuous consumption: what is asked for, and when, without clock or connection.

use super::*;
use crate::rules::pull::Priority;
use crate::rules::pull_status::Limit;

fn plan(max_msgs: u64) -> Plan {
    Plan {
        max_msgs,
        max_bytes: None,
        threshold: max_msgs.div_ceil(2),
        expires: Duration::from_secs(30),
        heartbeat: Duration::from_secs(5),
        stop_after: None,
        priority: Priority::default(),
        renews: false,
        recreates: false,
        pushed: false,
    }
}

/// The batches asked for until nothing is to be done, and the other actions.
fn run(c: &mut Consumption, now: Instant) -> (Vec<i64>, Vec<Action>) {
    let (mut batches, mut others) = (Vec::new(), Vec::new());
    while let Some(action) = c.poll(now) {
        match action {
            Action::Pull(request) => batches.push(request.batch),
            other => others.push(other),
        }
        assert!(batches.len() < 100, "asks without end");
    }
    (batches, others)
}

fn pulls(c: &mut Consumption, now: Instant) -> Vec<i64> {
    run(c, now).0
}

const ONE: Amount = Amount { msgs: 1, bytes: 10 };

#[test]
fn a_busy_script_asks_for_nothing() {
    let t = Instant::now();
    let mut c = Consumption::new(plan(10), t);
    assert_eq!(pulls(&mut c, t), [10]);
    for _ in 0..10 {
        c.message(10, None);
    }
    assert_eq!((pulls(&mut c, t), c.outstanding()), (vec![], 10));
    for _ in 0..5 {
        c.done(ONE);
        assert!(!c.has_work());
    }
    assert_eq!(pulls(&mut c, t), [] as [i64; 0]);
    c.done(ONE);
    assert!(c.has_work());
    assert_eq!((pulls(&mut c, t), c.outstanding(), c.delivered(), c.pulls()), (vec![6], 10, 6, 2));
}

#[test]
fn one_at_a_time() {
    let t = Instant::now();
    let mut c = Consumption::new(plan(1), t);
    assert_eq!(pulls(&mut c, t), [1]);
    c.message(1, None);
    assert_eq!(pulls(&mut c, t), [] as [i64; 0]);
    c.done(ONE);
    assert_eq!(pulls(&mut c, t), [1]);
}

#[test]
fn bytes() {
    let t = Instant::now();
    let by_bytes = Plan { max_msgs: 1_000_000, max_bytes: Some(100), threshold: 50, ..plan(1) };
    let mut c = Consumption::new(by_bytes, t);
    let first = c.poll(t);
    assert!(matches!(&first, Some(Action::Pull(r)) if r.batch == 1_000_000 && r.max_bytes == Some(100)), "{first:?}");
    for _ in 0..9 {
        c.message(10, None);
    }
    c.status(t, 409, "Message Size Exceeds MaxBytes", Verdict::Oversize(999_991, 10));
    assert_eq!((pulls(&mut c, t), c.outstanding()), (vec![], 9));
    for _ in 0..5 {
        c.done(ONE);
    }
    let again = c.poll(t);
    assert!(matches!(&again, Some(Action::Pull(r)) if r.max_bytes == Some(60)), "{again:?}");
}

#[test]
fn a_message_that_does_not_fit_is_not_asked_for_in_vain() {
    let t = Instant::now();
    let text = "Message Size Exceeds MaxBytes";
    let by_bytes = Plan { max_msgs: 1_000_000, max_bytes: Some(100), threshold: 50, ..plan(1) };
    let mut c = Consumption::new(by_bytes, t);
    pulls(&mut c, t);
    for _ in 0..4 {
        c.message(10, None);
    }
    c.status(t, 409, text, Verdict::Oversize(999_996, 60));
    assert_eq!((run(&mut c, t), c.pull_at()), ((vec![], vec![]), None));
    c.done(ONE);
    assert_eq!(pulls(&mut c, t).len(), 1);
    c.status(t, 409, text, Verdict::Oversize(1_000_000, 70));
    assert_eq!(pulls(&mut c, t), [] as [i64; 0]);
    c.done(Amount { msgs: 3, bytes: 30 });
    let mut now = t;
    for seconds in [1, 2, 4] {
        assert_eq!(pulls(&mut c, now).len(), 1);
        c.status(now, 409, text, Verdict::Oversize(1_000_000, 100));
        assert_eq!(run(&mut c, now), (vec![], vec![Action::Warn(409, text.into())]));
        assert_eq!(c.pull_at(), Some(now + Duration::from_secs(seconds)));
        now = c.pull_at().unwrap();
    }
}

#[test]
fn an_end_after_so_many() {
    let t = Instant::now();
    let mut c = Consumption::new(Plan { stop_after: Some(3), ..plan(2) }, t);
    assert_eq!(pulls(&mut c, t), [2]);
    c.message(10, None);
    c.message(10, None);
    c.done(ONE);
    c.done(ONE);
    assert_eq!(pulls(&mut c, t), [1]);
    c.disconnected();
    c.reconnected(t);
    assert_eq!(run(&mut c, t), (vec![1], vec![Action::NewInbox]));
    c.message(10, None);
    assert!(c.is_surplus());
    c.done(ONE);
    assert_eq!(run(&mut c, t), (vec![], vec![Action::End("stop_after".into())]));
}

#[test]
fn what_was_not_delivered_is_asked_for_again() {
    let t = Instant::now();
    let mut c = Consumption::new(plan(10), t);
    pulls(&mut c, t);
    c.message(10, None);
    c.status(t, 408, "Request Timeout", Verdict::Undelivered(9, 0));
    assert_eq!(pulls(&mut c, t), [9]);
    c.status(t, 409, "Leadership Change", Verdict::Over);
    assert_eq!((pulls(&mut c, t), c.pull_at()), (vec![], Some(t + PAUSE)));
    assert_eq!(pulls(&mut c, t + PAUSE), [9]);
}

#[test]
fn refusals_do_not_spin() {
    let t = Instant::now();
    let mut c = Consumption::new(plan(500), t);
    assert_eq!(pulls(&mut c, t), [500]);
    c.status(t, 409, "Exceeded MaxRequestBatch of 100", Verdict::TooMuch(Limit::Batch(100)));
    assert_eq!(run(&mut c, t), (vec![100], vec![Action::Warn(409, "Exceeded MaxRequestBatch of 100".into())]));
    // Refused although it is within the limit.
    c.status(t, 409, "Exceeded MaxRequestBatch of 100", Verdict::TooMuch(Limit::Batch(100)));
    assert_eq!(pulls(&mut c, t), [] as [i64; 0]);
    let mut now;
    for seconds in [2, 4, 8, 16, 30, 30] {
        now = c.pull_at().unwrap();
        assert_eq!(pulls(&mut c, now), [100]);
        c.status(now, 409, "Exceeded MaxWaiting", Verdict::Crowded);
        assert_eq!(run(&mut c, now).0, [] as [i64; 0]);
        assert_eq!(c.pull_at(), Some(now + Duration::from_secs(seconds)));
    }
    now = c.pull_at().unwrap();
    assert_eq!(pulls(&mut c, now), [100]);
    c.message(10, None);
    c.status(now, 409, "Exceeded MaxWaiting", Verdict::Crowded);
    run(&mut c, now);
    assert_eq!(c.pull_at(), Some(now + CROWDED.0));
}

#[test]
fn limits() {
    let t = Instant::now();
    let mut c = Consumption::new(plan(10), t);
    pulls(&mut c, t);
    c.status(t, 409, "x", Verdict::TooMuch(Limit::Expires(Duration::from_secs(4))));
    run(&mut c, t);
    c.status(t, 408, "x", Verdict::Undelivered(10, 0));
    let again = c.poll(t);
    assert!(matches!(&again, Some(Action::Pull(r)) if r.expires == Some(4000) && r.idle_heartbeat == Some(2000)), "{again:?}");
}

#[test]
fn nobody_answers() {
    let t = Instant::now();
    let mut c = Consumption::new(plan(10), t);
    let mut now = t;
    for (ms, asks) in [(250, 0), (500, 0), (1000, 1), (2000, 0), (4000, 0), (8000, 1), (10_000, 0), (10_000, 0)] {
        assert_eq!(pulls(&mut c, now), [10]);
        c.status(now, 503, "", Verdict::Nobody);
        let (none, actions) = run(&mut c, now);
        assert_eq!((none.len(), actions.len()), (0, asks));
        assert_eq!(c.pull_at(), Some(now + Duration::from_millis(ms)));
        now = c.pull_at().unwrap();
    }
}

#[test]
fn silence() {
    let t = Instant::now();
    let later = |seconds| t + Duration::from_secs(seconds);
    let mut c = Consumption::new(plan(2), t);
    assert_eq!(c.silent_at(t), None);
    pulls(&mut c, t);
    assert_eq!(c.silent_at(t), Some(later(10)));
    assert_eq!(c.silent_at(later(3)), Some(later(13)));
    c.message(10, None);
    c.silent(later(10));
    assert_eq!(run(&mut c, later(10)), (vec![], vec![Action::Missed, Action::NewInbox]));
    c.done(ONE);
    assert_eq!(pulls(&mut c, later(11)), [2]);
    c.disconnected();
    assert_eq!(c.silent_at(t), None);
    c.reconnected(later(20));
    assert_eq!(c.silent_at(t), None);
}

#[test]
fn what_comes_late_was_not_asked_for_by_the_present_request() {
    let t = Instant::now();
    let mut c = Consumption::new(plan(4), t);
    pulls(&mut c, t);
    c.silent(t);
    assert_eq!(pulls(&mut c, t), [4]);
    c.late_message(10);
    assert_eq!((pulls(&mut c, t), c.outstanding()), (vec![], 5));
    c.done(ONE);
    assert_eq!((pulls(&mut c, t), c.outstanding(), c.delivered()), (vec![], 4, 1));
}

#[test]
fn after_long_silence_the_consumer_is_asked_for() {
    let t = Instant::now();
    let mut c = Consumption::new(plan(2), t);
    pulls(&mut c, t);
    for asks in [false, false, true, false] {
        c.silent(t);
        assert_eq!(run(&mut c, t).1.contains(&Action::AskInfo), asks);
    }
    c.message(10, None);
    c.silent(t);
    assert!(!run(&mut c, t).1.contains(&Action::AskInfo));
}

#[test]
fn pause_and_drain() {
    let t = Instant::now();
    let mut c = Consumption::new(plan(4), t);
    pulls(&mut c, t);
    c.set_paused(true);
    c.status(t, 408, "x", Verdict::Undelivered(3, 0));
    assert_eq!(pulls(&mut c, t), [] as [i64; 0]);
    c.set_paused(false);
    assert_eq!(pulls(&mut c, t), [3]);
    c.message(10, None);
    c.close();
    c.drained();
    assert_eq!(run(&mut c, t), (vec![], vec![]));
    c.done(ONE);
    assert_eq!(run(&mut c, t).1, [Action::End("drained".into())]);
}

#[test]
fn pins() {
    let t = Instant::now();
    let mut c = Consumption::new(plan(2), t);
    pulls(&mut c, t);
    c.message(10, Some("a"));
    c.message(10, Some("a"));
    assert_eq!(run(&mut c, t).1, [Action::Pinned("a".into())]);
    c.done(Amount { msgs: 2, bytes: 20 });
    let with = c.poll(t);
    assert!(matches!(&with, Some(Action::Pull(r)) if r.priority.id.as_deref() == Some("a")), "{with:?}");
    c.status(t, 423, "Nats-Wrong-Pin-Id", Verdict::Unpinned(Some((2, 0))));
    assert_eq!(c.poll(t), Some(Action::Unpinned("a".into())));
    let without = c.poll(t);
    assert!(matches!(&without, Some(Action::Pull(r)) if r.priority.id.is_none()), "{without:?}");
    c.status(t, 423, "Nats-Pin-Id mismatch", Verdict::Unpinned(None));
    assert_eq!((run(&mut c, t), c.pull_at()), ((vec![], vec![]), Some(t + PAUSE)));
}

#[test]
fn an_end_is_told_once() {
    let t = Instant::now();
    let mut c = Consumption::new(plan(2), t);
    pulls(&mut c, t);
    c.status(t, 409, "Consumer Deleted", Verdict::End);
    c.status(t, 409, "Consumer Deleted", Verdict::End);
    c.end("stopped");
    assert_eq!(run(&mut c, t), (vec![], vec![Action::End("Consumer Deleted".into())]));
    assert!(c.is_over());
}

#[test]
fn a_consumer_that_is_gone_is_made_anew() {
    let t = Instant::now();
    let later = |seconds| t + Duration::from_secs(seconds);
    let mut c = Consumption::new(Plan { recreates: true, stop_after: Some(9), ..plan(4) }, t);
    assert_eq!(pulls(&mut c, t), [4]);
    c.message(10, Some("a"));
    c.message(10, None);
    c.done(ONE);
    run(&mut c, t);
    c.status(t, 409, "Consumer Deleted", Verdict::Gone);
    assert_eq!((run(&mut c, t), c.is_away()), ((vec![], vec![Action::Lost(Loss::Gone)]), true));
    // Found out a second time.
    c.missing("consumer not found");
    assert_eq!((run(&mut c, t), c.silent_at(t), c.pull_at()), ((vec![], vec![]), None, None));
    assert_eq!([true, true, false, false].map(|refused| c.not_remade(refused).as_millis()), [1000, 2000, 250, 500]);
    c.disconnected();
    c.reconnected(later(1));
    assert_eq!(run(&mut c, later(1)), (vec![], vec![Action::Lost(Loss::Connection)]));
    // What is buffered comes again.
    c.dropped(ONE);
    c.renewed(later(2));
    assert_eq!((pulls(&mut c, later(2)), c.outstanding(), c.pin()), (vec![4], 4, None));
}

#[test]
fn the_floor_is_asked_for_as_the_script_gets_on() {
    let t = Instant::now();
    let later = |seconds| t + Duration::from_secs(seconds);
    let mut c = Consumption::new(Plan { recreates: true, ..plan(1) }, t);
    for (seconds, asks) in [(0, 0), (4, 0), (5, 1), (9, 0), (10, 1)] {
        let (batches, actions) = run(&mut c, later(seconds));
        assert_eq!((batches, actions), (vec![1], vec![Action::AskInfo; asks]));
        c.message(1, None);
        c.done(ONE);
    }
    run(&mut c, later(11));
    c.status(later(30), 408, "x", Verdict::Undelivered(1, 0));
    assert_eq!(run(&mut c, later(30)), (vec![1], vec![Action::AskInfo]));
    c.status(later(60), 408, "x", Verdict::Undelivered(1, 0));
    assert_eq!(run(&mut c, later(60)), (vec![1], vec![]));
}

#[test]
fn a_consumer_that_is_gone_is_the_end_otherwise() {
    let t = Instant::now();
    for missing in [false, true] {
        let mut c = Consumption::new(plan(4), t);
        pulls(&mut c, t);
        if missing {
            c.missing("x");
        } else {
            c.status(t, 409, "x", Verdict::Gone);
        }
        assert_eq!(run(&mut c, t), (vec![], vec![Action::End("x".into())]));
    }
}

#[test]
fn nothing_replaces_an_ordered_consumer_whose_last_message_is_here() {
    let t = Instant::now();
    let mut c = Consumption::new(Plan { renews: true, pushed: true, stop_after: Some(2), ..plan(4) }, t);
    c.message(10, None);
    c.lose(Loss::Gap);
    assert_eq!(run(&mut c, t).1, [Action::Lost(Loss::Gap)]);
    c.renewed(t);
    assert!(c.silent_at(t).is_some());
    c.message(10, None);
    assert_eq!((c.is_surplus(), c.silent_at(t)), (true, None));
    c.lose(Loss::Gap);
    assert!(run(&mut c, t).1.is_empty());
    c.done(ONE);
    c.done(ONE);
    assert_eq!(run(&mut c, t).1, [Action::End("stop_after".into())]);
}
