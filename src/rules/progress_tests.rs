use std::time::Instant;

use super::super::order::Sorted;
use super::*;

fn place(consumer: &str, consumer_seq: u64, stream_seq: u64, num_pending: u64) -> AckMetadata<'_> {
    AckMetadata { stream: "S", consumer, num_delivered: 1, stream_seq, consumer_seq, timestamp: 0, num_pending, domain: None }
}

/// A watch by the rules alone.
struct Watch {
    order: Order,
    progress: Progress,
}

impl Watch {
    fn new(wish: Start) -> Watch {
        Watch { order: Progress::order(wish), progress: Progress::new(wish) }
    }

    fn start(&self) -> Start {
        self.progress.start(&self.order)
    }

    fn consumer(&mut self, name: &str, total: u64, made: i64) -> bool {
        self.order.turn_to(name);
        self.progress.consumer(total, made)
    }

    fn message(&mut self, subject: &str, place: &AckMetadata) -> Result<(bool, End), Sorted> {
        match self.order.message(place.consumer, place.consumer_seq, place.stream_seq) {
            Sorted::Next | Sorted::Seen => Ok(self.progress.message(subject, place)),
            other => Err(other),
        }
    }

    fn answered(&mut self) -> End {
        self.progress.answered(self.order.delivered())
    }

    /// A look at the stream, whose answer nothing has overtaken.
    fn look(&mut self, created: &str, last_seq: u64) {
        let place = self.order.place();
        if self.order.stream(created, last_seq, place) {
            self.progress.anew();
        }
    }
}

const fn next(fresh: bool, caught_up: bool) -> Result<(bool, End), Sorted> {
    Ok((fresh, if caught_up { End::Yes } else { End::No }))
}

#[test]
fn in_order() {
    let mut p = Watch::new(Start::LastPerKey);
    assert!(!p.consumer("c", 2, 1));
    assert_eq!(p.message("k4", &place("c", 1, 4, 1)), next(true, false));
    assert_eq!(p.message("k7", &place("c", 2, 7, 0)), next(true, true));
    assert_eq!(p.message("k9", &place("c", 3, 9, 0)), next(true, false));
    assert_eq!(p.message("k9", &place("c", 3, 9, 0)), Err(Sorted::Again));
    assert_eq!(p.message("k10", &place("other", 4, 10, 0)), Err(Sorted::Other));
    assert_eq!(p.message("k12", &place("c", 5, 12, 0)), Err(Sorted::Gap));
    assert_eq!(p.start(), Start::Revision(10));
}

#[test]
fn the_initial_data_end_while_others_go_on_writing() {
    let asks = Ok((true, End::Ask));
    let mut p = Watch::new(Start::First);
    assert!(!p.consumer("c", 2, 1));
    assert_eq!(p.message("k1", &place("c", 1, 1, 2)), next(true, false));
    // What was counted has come, and two are there by now.
    assert_eq!(p.message("k2", &place("c", 2, 2, 2)), Ok((true, End::Count)));
    assert_eq!(p.progress.counted(Some(4), 2), End::No);
    assert_eq!(p.message("k3", &place("c", 3, 3, 1)), next(true, false));
    assert_eq!(p.message("k4", &place("c", 4, 4, 0)), asks);
    assert_eq!(p.message("k5", &place("c", 5, 5, 0)), next(true, false));
    assert_eq!(p.answered(), End::Ask);
    assert_eq!(p.answered(), End::Yes);
    assert_eq!(p.answered(), End::No);
    assert_eq!(p.message("k6", &place("c", 6, 6, 0)), next(true, false));
}

#[test]
fn what_was_pending_is_removed() {
    let mut p = Watch::new(Start::LastPerKey);
    assert!(!p.consumer("c", 3, 1));
    assert_eq!(p.progress.nothing_left(), Beat::Renew);
    assert_eq!(p.start(), Start::LastPerKey);
    assert!(p.consumer("d", 0, 1));
    assert_eq!(p.progress.nothing_left(), Beat::Alive);

    let mut p = Watch::new(Start::First);
    assert!(!p.consumer("c", 3, 1));
    assert_eq!(p.message("k1", &place("c", 1, 1, 2)), next(true, false));
    assert_eq!(p.progress.nothing_left(), Beat::CaughtUp);
    assert_eq!(p.progress.nothing_left(), Beat::Alive);
    assert_eq!(p.message("k9", &place("c", 2, 9, 0)), next(true, false));
}

#[test]
fn from_now_on_without_a_look_at_the_stream() {
    let mut p = Watch::new(Start::New);
    assert_eq!(p.start(), Start::New);
    assert!(p.consumer("c", 0, 1));
    p.order.made(Instant::now(), 7);
    assert_eq!(p.start(), Start::Revision(8));
    p.order.made(Instant::now(), 9);
    assert_eq!(p.start(), Start::Revision(8));
}

#[test]
fn nothing_there() {
    for start in [Start::LastPerKey, Start::First] {
        let mut p = Watch::new(start);
        assert!(p.consumer("c", 0, 1));
        assert_eq!(p.start(), Start::First);
        assert!(!p.consumer("d", 3, 1));
        assert_eq!(p.message("k1", &place("d", 1, 1, 2)), next(true, false));
    }
}

#[test]
fn updates_only() {
    let mut p = Watch::new(Start::Revision(8));
    assert!(p.consumer("c", 3, 1));
    assert_eq!(p.start(), Start::Revision(8));
    assert_eq!(p.message("k9", &place("c", 1, 9, 0)), next(true, false));
    assert_eq!(p.start(), Start::Revision(10));
}

#[test]
fn broken_amid_the_initial_data() {
    let mut p = Watch::new(Start::LastPerKey);
    p.consumer("c", 3, 1);
    assert_eq!(p.message("k2", &place("c", 1, 2, 2)).map(|(fresh, _)| fresh), Ok(true));
    assert_eq!(p.start(), Start::LastPerKey);
    assert!(!p.consumer("d", 3, 1));
    assert_eq!(p.message("k2", &place("d", 1, 2, 2)), next(false, false));
    assert_eq!(p.message("k3", &place("d", 2, 3, 1)), next(true, false));
    assert_eq!(p.message("k5", &place("d", 3, 5, 0)), next(true, true));

    let mut p = Watch::new(Start::First);
    p.consumer("c", 3, 1);
    assert_eq!(p.message("k2", &place("c", 1, 2, 2)).map(|(fresh, _)| fresh), Ok(true));
    assert_eq!(p.start(), Start::Revision(3));
    assert!(p.consumer("d", 0, 1));
}

#[test]
fn another_stream_of_the_same_name() {
    let seen = |start| {
        let mut p = Watch::new(start);
        p.look("monday", 5);
        p.consumer("c", 1, 1);
        assert_eq!(p.message("k5", &place("c", 1, 5, 0)).map(|(fresh, _)| fresh), Ok(true));
        p
    };
    for start in [Start::LastPerKey, Start::First, Start::Revision(4)] {
        let mut p = seen(start);
        p.look("monday", 7);
        assert_eq!(p.start(), Start::Revision(6), "{start:?}");
        p.look("tuesday", 9);
        assert_eq!(p.start(), Start::First, "{start:?}");
        let mut p = seen(start);
        p.look("monday", 3);
        assert_eq!(p.start(), Start::First, "{start:?}");
    }
    let mut p = Watch::new(Start::Revision(8));
    p.look("monday", 7);
    p.consumer("c", 0, 1);
    p.look("monday", 7);
    assert_eq!(p.start(), Start::Revision(8));
    p.look("tuesday", 0);
    assert_eq!(p.start(), Start::First);
}

#[test]
fn messages_overtake_the_first_look_at_the_stream() {
    let mut p = Watch::new(Start::First);
    let before = p.order.place();
    p.consumer("c", 1, 1);
    assert_eq!(p.message("k5", &place("c", 1, 5, 0)).map(|(fresh, _)| fresh), Ok(true));
    assert!(!p.order.stream("monday", 4, before));
    assert_eq!(p.start(), Start::Revision(6));
}

#[test]
fn reasons() {
    let mut t = Trouble::default();
    assert!(!t.end());
    assert!(t.is_new(&"a") && t.is_new(&"b") && !t.is_new(&"a"));
    assert!(t.end() && !t.end());
    assert!(t.is_new(&"a"));
}

#[test]
fn keys_that_a_consumer_keeps_back_are_read_by_others_a_few_times() {
    let mut progress = Progress::new(Start::LastPerKey);
    let mut renewed = 0;
    'consumers: loop {
        assert!(!progress.consumer(3, 100));
        let place = |n| AckMetadata { timestamp: 200, ..place("C", n, n, 0) };
        for n in 1.. {
            progress.message("$KV.b.a", &place(n));
            match progress.answered(n) {
                End::Renew => break,
                End::Yes => break 'consumers,
                End::No | End::Ask | End::Count => {}
            }
        }
        renewed += 1;
    }
    assert!(renewed == 2 && progress.is_caught_up());
}
