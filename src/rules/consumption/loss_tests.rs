//! Tests of consumers that are replaced.

use std::time::{Duration, Instant};

use super::super::super::pull::Priority;
use super::super::super::pull_plan::Plan;
use super::super::super::pull_status::Verdict;
use super::*;

fn machine(pushed: bool) -> (Consumption, Instant) {
    let t = Instant::now();
    let plan = Plan {
        max_msgs: 10,
        max_bytes: None,
        threshold: 5,
        expires: Duration::from_secs(30),
        heartbeat: Duration::from_secs(5),
        stop_after: Some(12),
        priority: Priority::default(),
        renews: true,
        recreates: false,
        pushed,
    };
    (Consumption::new(plan, t), t)
}

/// What is done now, batches as numbers.
fn run(c: &mut Consumption, now: Instant) -> Vec<String> {
    std::iter::from_fn(|| c.poll(now))
        .map(|action| match action {
            Action::Pull(request) => request.batch.to_string(),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn nothing_is_asked_for_without_a_consumer() {
    let (mut c, t) = machine(false);
    assert_eq!(run(&mut c, t), ["10"]);
    c.message(1, None);
    c.status(t, 503, "", Verdict::Nobody);
    assert_eq!(run(&mut c, t), ["Lost(Gone)"]);
    assert!(c.is_away() && c.expects_more());
    assert_eq!((c.outstanding(), c.silent_at(t), c.pull_at()), (1, None, None));
    c.done(Amount { msgs: 1, bytes: 1 });
    assert_eq!(run(&mut c, t), [""; 0]);
    c.renewed(t);
    assert_eq!(run(&mut c, t), ["10"]);
    c.status(t, 409, "Consumer Deleted", Verdict::End);
    c.renewed(t);
    assert_eq!(run(&mut c, t), ["Lost(Gone)", "10"]);
    // One more, and it is the end: ten and one have come.
    for _ in 0..10 {
        c.message(1, None);
    }
    c.lose(Loss::Gap);
    c.renewed(t);
    assert_eq!(run(&mut c, t), ["Lost(Gap)"]);
    c.done(Amount { msgs: 10, bytes: 10 });
    assert_eq!(run(&mut c, t), ["1"]);
}

#[test]
fn silence_and_reconnections() {
    let (mut c, t) = machine(false);
    run(&mut c, t);
    assert_eq!(c.silent_at(t), Some(t + Duration::from_secs(10)));
    c.silent(t);
    assert_eq!(run(&mut c, t), ["Missed", "Lost(Silence)"]);
    c.disconnected();
    c.reconnected(t);
    assert_eq!(run(&mut c, t), ["Lost(Connection)"]);
    c.end("stopped");
    c.reconnected(t);
    assert_eq!(run(&mut c, t), [r#"End("stopped")"#]);
}

#[test]
fn what_is_pushed_is_not_asked_for() {
    let (mut c, t) = machine(true);
    assert!(c.is_pushed() && c.expects_more());
    assert_eq!(run(&mut c, t), [""; 0]);
    assert_eq!(c.silent_at(t), Some(t + Duration::from_secs(10)));
    for _ in 0..12 {
        assert!(!c.is_surplus());
        c.message(1, None);
    }
    assert!(c.is_surplus() && !c.expects_more());
    c.done(Amount { msgs: 12, bytes: 12 });
    assert_eq!(run(&mut c, t), [r#"End("stop_after")"#]);
}
