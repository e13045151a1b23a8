//! Tests of the outbox.

use super::*;
use crate::engine::message::{Publication, Subject};
use crate::engine::subs::{SubSpec, SubTable};

fn push(o: &Outbox, text: &str, kind: Kind) {
    let subject = Subject::from("s");
    let p = Publication { subject: &subject, reply: None, headers: &[], payload: text.as_bytes() };
    o.with(|q| q.publish(&p, &[], kind)).unwrap();
}

fn text(batch: &Batch) -> String {
    String::from_utf8(batch.slice().1.to_vec()).unwrap()
}

fn open() -> Outbox {
    let o = Outbox::default();
    assert!(o.with(|_| ()).is_none());
    o.open();
    o
}

#[test]
fn answers_to_messages() {
    let o = open();
    o.with(|q| q.answer("$JS.ACK.S.C", b"+ACK")).unwrap();
    assert_eq!(o.bytes(), 15);
    let mut b = Batch::default();
    assert!(o.refill(&mut b));
    assert_eq!(text(&b), "PUB $JS.ACK.S.C  4\r\n+ACK\r\n");
    o.wrote(b.next_frames(1));
    assert_eq!((o.sent(), o.bytes()), ((1, 4), 0));
    // Of the library's making: its oddity is not the script's concern.
    o.prepare(true, |_| true);
    o.with(|q| q.answer("a..b", b"")).unwrap();
    let mut b = Batch::default();
    assert!(o.refill(&mut b));
    assert!(b.slice().0.iter().all(|frame| frame.odd && frame.own));
}

#[test]
fn what_is_not_written_goes_back_in_order() {
    let o = open();
    push(&o, "1", Kind::Publish);
    push(&o, "22", Kind::Publish);
    assert_eq!(o.bytes(), 5);
    let mut b = Batch::default();
    assert!(o.refill(&mut b));
    push(&o, "3", Kind::Publish);
    assert_eq!(text(&b), "PUB s  1\r\n1\r\nPUB s  2\r\n22\r\n");
    // The first frame whole, the second in part.
    b.written.set("PUB s  1\r\n1\r\nPUB".len());
    o.wrote(b.settle());
    assert_eq!((o.sent(), b.written.get(), o.has_published()), ((1, 1), 3, true));
    assert_eq!(o.give_back(b, false, |_| true), 0);
    assert_eq!(o.bytes(), 5);
    let mut b = Batch::default();
    assert!(o.refill(&mut b));
    assert_eq!(text(&b), "PUB s  2\r\n22\r\nPUB s  1\r\n3\r\n");
    // What the server choked on is not sent again.
    b.written.set(3);
    assert!(b.settle().is_empty());
    assert_eq!(o.give_back(b, true, |_| true), 1);
    assert_eq!(o.bytes(), 2);
    assert_eq!(o.clear(), 1);
    assert_eq!(o.bytes(), 0);
    assert!(o.with(|_| ()).is_none());
}

#[test]
fn calls_that_ended_are_not_sent() {
    let o = open();
    push(&o, "1", Kind::Request(1));
    push(&o, "2", Kind::Publish);
    push(&o, "3", Kind::Request(2));
    push(&o, "4", Kind::Publish);
    o.withdraw(1);
    o.withdraw(1);
    o.withdraw(99);
    assert_eq!(o.bytes(), 6);
    let mut b = Batch::default();
    assert!(o.refill(&mut b));
    assert_eq!(text(&b), "PUB s  1\r\n2\r\nPUB s  1\r\n3\r\nPUB s  1\r\n4\r\n");
    o.wrote(b.next_frames(1));
    b.advance(1);
    // It ends while the writer is at work.
    assert_eq!(b.withdrawn, o.withdrawals());
    o.withdraw(2);
    assert_ne!(b.withdrawn, o.withdrawals());
    o.dropped(b.drop_ended(|id| id != 2));
    assert_eq!(text(&b), "PUB s  1\r\n4\r\n");
    assert_eq!(o.bytes(), 2);
}

#[test]
fn parts_of_a_conversation_stay_in_their_session() {
    let o = open();
    for (payload, kind) in [("1", Kind::Part(1)), ("2", Kind::Part(2)), ("3", Kind::Request(3)), ("4", Kind::Part(1))] {
        push(&o, payload, kind);
    }
    // One that has ended still gets out what it has said.
    o.withdraw(1);
    let mut b = Batch::default();
    assert!(o.refill(&mut b));
    o.dropped(b.drop_ended(|id| id == 3));
    assert_eq!(text(&b), "PUB s  1\r\n1\r\nPUB s  1\r\n2\r\nPUB s  1\r\n3\r\nPUB s  1\r\n4\r\n");
    // After a loss only those of one that goes on do.
    o.give_back(b, false, |id| id != 1);
    let mut b = Batch::default();
    assert!(o.refill(&mut b));
    assert_eq!(text(&b), "PUB s  1\r\n2\r\nPUB s  1\r\n3\r\n");
    assert_eq!(o.bytes(), 4);
}

#[test]
fn ended_calls_leave_no_memory() {
    let o = open();
    for id in 1..=10_000 {
        push(&o, "1", Kind::Request(id));
        o.withdraw(id);
    }
    assert_eq!(o.bytes(), 0);
    assert!(o.with(|q| q.frames.len()).unwrap() < 3);
}

#[test]
fn subscriptions_are_restored_by_their_table() {
    let o = open();
    let mut subs = SubTable::default();
    let spec = |max_msgs| SubSpec { subject: "a".into(), queue: None, max_msgs, discard: false, pending_msgs_limit: None };
    let sub = subs.add_user(spec(Some(3)));
    o.with(|q| q.subscribe(&sub)).unwrap();
    push(&o, "1", Kind::Publish);
    let mut b = Batch::default();
    o.refill(&mut b);
    assert!(sub.state().sent);
    assert_eq!(text(&b), "SUB a  1\r\nUNSUB 1 3\r\nPUB s  1\r\n1\r\n");
    o.give_back(b, false, |_| true);
    let late = subs.add_user(spec(Some(10_000_000_000)));
    o.with(|q| q.subscribe(&late)).unwrap();
    o.with(|q| q.unsubscribe(&sub)).unwrap();
    o.with(|q| q.ping(7)).unwrap();
    o.prepare(false, |_| true);
    let mut b = Batch::default();
    o.refill(&mut b);
    assert_eq!(text(&b), "PUB s  1\r\n1\r\nSUB a  2\r\n");
    // A subscription that ends before the server knew of it leaves nothing.
    let short = subs.add_user(spec(None));
    o.with(|q| q.subscribe(&short)).unwrap();
    short.state().ended = true;
    o.with(|q| q.unsubscribe(&short)).unwrap();
    assert_eq!(o.with(|q| q.frames.len()).unwrap(), 0);
}

#[test]
fn a_subscription_that_was_hushed_is_not_restored() {
    let o = open();
    let mut subs = SubTable::default();
    let spec = || SubSpec { subject: "a".into(), queue: None, max_msgs: None, discard: false, pending_msgs_limit: None };
    let (told, untold, other) = (subs.add_user(spec()), subs.add_user(spec()), subs.add_user(spec()));
    o.with(|q| q.subscribe(&told)).unwrap();
    o.with(|q| q.subscribe(&other)).unwrap();
    let mut b = Batch::default();
    o.refill(&mut b);
    o.with(|q| q.subscribe(&untold)).unwrap();
    o.with(|q| [&told, &untold].map(|sub| q.hush(sub))).unwrap();
    o.prepare(false, |_| true);
    let mut b = Batch::default();
    o.refill(&mut b);
    assert_eq!(text(&b), "");
    assert_eq!(subs.sent().iter().map(|sub| sub.id()).collect::<Vec<_>>(), [other.id()]);
}

#[test]
fn a_subscription_that_ends_unsent_is_not_sent_among_others() {
    let o = open();
    let mut subs = SubTable::default();
    let spec = |max_msgs| SubSpec { subject: "a".into(), queue: None, max_msgs, discard: false, pending_msgs_limit: None };
    let three = [None, Some(5), None].map(|max| subs.add_user(spec(max)));
    for sub in &three {
        o.with(|q| q.subscribe(sub)).unwrap();
    }
    three[1].state().ended = true;
    o.with(|q| q.unsubscribe(&three[1])).unwrap();
    let mut b = Batch::default();
    o.refill(&mut b);
    assert_eq!(text(&b), "SUB a  1\r\nSUB a  3\r\n");
    assert!(!three[1].state().sent);
    // One that the server knows is ended by it.
    three[2].state().ended = true;
    o.with(|q| q.unsubscribe(&three[2])).unwrap();
    b.advance(b.len());
    o.refill(&mut b);
    assert_eq!(text(&b), "UNSUB 3\r\n");
}

#[test]
fn a_limit_that_was_reached_before_it_was_told_is_told_all_the_same() {
    let o = open();
    let mut subs = SubTable::default();
    let sub =
        subs.add_user(SubSpec { subject: "a".into(), queue: None, max_msgs: None, discard: false, pending_msgs_limit: None });
    o.with(|q| q.subscribe(&sub)).unwrap();
    let mut b = Batch::default();
    o.refill(&mut b);
    b.advance(b.len());
    sub.state().max = Some(2);
    o.with(|q| q.limit(&sub)).unwrap();
    push(&o, "1", Kind::Request(1));
    sub.state().ended = true;
    o.withdraw(1);
    o.refill(&mut b);
    assert_eq!(text(&b), "UNSUB 1 2\r\n");
}

#[test]
fn what_a_caller_began_to_write_is_finished() {
    let o = open();
    push(&o, "1", Kind::Request(1));
    push(&o, "2", Kind::Request(2));
    // The socket took so much of it.
    o.with(|q| q.ahead = "PUB s  1\r\n1\r\nPU".len());
    o.withdraw(1);
    o.withdraw(2);
    let mut b = Batch::default();
    o.detach(&mut b);
    assert_eq!((b.len(), b.written.get()), (2, 15));
    // The session is at its end: the first has gone, the other goes back, and nobody waits for it.
    assert_eq!(b.settle().len(), 1);
    assert_eq!((b.len(), b.written.get()), (1, 2));
    o.give_back(b, false, |_| false);
    assert!(!o.is_waiting());
    // Without a loss the batch is as it would be.
    push(&o, "3", Kind::Publish);
    o.with(|q| q.ahead = 3);
    let mut b = Batch::default();
    assert!(o.refill(&mut b));
    assert_eq!((b.written.get(), o.with(|q| q.ahead)), (3, Some(0)));
}

#[test]
fn a_crowd_waits_once() {
    let o = open();
    let crowded = || o.with(|q| o.is_crowded(q)).unwrap();
    (0..4095).for_each(|_| push(&o, "1", Kind::Publish));
    assert!(!crowded());
    push(&o, "1", Kind::Publish);
    assert!(crowded());
    // Nobody takes anything.
    o.give_time();
    assert!(!crowded());
    let mut b = Batch::default();
    assert!(o.refill(&mut b));
    (0..4096).for_each(|_| push(&o, "1", Kind::Publish));
    assert!(crowded());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            b.advance(b.len());
            assert!(o.refill(&mut b));
        });
        o.give_time();
    });
    assert!(!crowded());
}
