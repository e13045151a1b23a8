//! Tests of the ordered consumer's decisions.

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Takes the next consumer.
fn take(o: &mut Order) -> String {
    let name = o.next_name("n");
    o.turn_to(&name);
    name
}

/// A consumer of the first serial, made behind sequence 9, and the time of that.
fn made(moves: bool) -> (Order, Instant) {
    let t = Instant::now();
    let mut o = Order::new(Pace::SOON, moves);
    assert!(o.is_lost());
    assert_eq!(take(&mut o), "n_1");
    o.made(t, 9);
    (o, t)
}

#[test]
fn in_order() {
    let (mut o, _) = made(false);
    assert_eq!(o.message("n_1", 1, 10), Sorted::Next);
    assert_eq!(o.message("n_1", 2, 12), Sorted::Next);
    assert_eq!(o.message("other", 3, 13), Sorted::Other);
    assert_eq!(o.message("n_1", 2, 12), Sorted::Again);
    assert_eq!(o.message("n_1", 4, 14), Sorted::Gap);
    assert_eq!(o.start(), Start::Sequence(13));
    assert!(o.heartbeat(Some(2)) && o.heartbeat(None) && !o.heartbeat(Some(3)) && !o.heartbeat(Some(1)));
    o.lost();
    assert_eq!(o.message("n_1", 3, 13), Sorted::Other);
    assert!(o.is_lost());
    assert_eq!(take(&mut o), "n_2");
    assert_eq!(o.message("n_1", 1, 13), Sorted::Other);
    assert_eq!(o.message("n_2", 1, 13), Sorted::Next);
}

#[test]
fn before_the_first_message() {
    let (mut o, t) = made(false);
    assert_eq!(o.start(), Start::AsWished);
    // `new` and `last` would skip what came meanwhile: the first consumer's place counts.
    let (mut o2, _) = made(true);
    assert_eq!(o2.start(), Start::Sequence(10));
    for o in [&mut o, &mut o2] {
        o.lost();
        take(o);
        o.made(t, 20);
    }
    assert_eq!((o.start(), o2.start()), (Start::AsWished, Start::Sequence(10)));
    assert_eq!(o2.message("n_2", 1, 15), Sorted::Next);
    assert_eq!(o2.start(), Start::Sequence(16));
    assert_eq!(Order::new(Pace::SOON, true).start(), Start::AsWished);
}

/// A look at the stream, whose answer nothing has overtaken.
fn look(o: &mut Order, created: &str, last_seq: u64) -> bool {
    let place = o.place();
    o.stream(created, last_seq, place)
}

#[test]
fn messages_overtake_the_look_at_the_stream() {
    let (mut o, _) = made(false);
    let place = o.place();
    o.message("n_1", 1, 12);
    assert!(!o.stream("monday", 11, place));
    assert_eq!(o.start(), Start::Sequence(13));
}

#[test]
fn another_stream() {
    let (mut o, t) = made(false);
    assert!(!look(&mut o, "monday", 12));
    o.message("n_1", 1, 12);
    assert!(!look(&mut o, "monday", 12));
    assert!(!look(&mut o, "monday", 900));
    assert_eq!(o.start(), Start::Sequence(13));
    assert!(look(&mut o, "tuesday", 900));
    assert_eq!(o.start(), Start::Beginning);
    o.lost();
    take(&mut o);
    o.made(t, 0);
    assert!(!look(&mut o, "tuesday", 900));
    assert_eq!(o.start(), Start::Beginning);
    o.message("n_2", 1, 1);
    assert_eq!(o.start(), Start::Sequence(2));
}

#[test]
fn a_shorter_stream() {
    let (mut o, _) = made(false);
    look(&mut o, "monday", 12);
    o.message("n_1", 1, 12);
    assert!(look(&mut o, "monday", 11));
    assert_eq!(o.start(), Start::Beginning);
    assert!(!look(&mut o, "monday", 0));
    // Where nothing has come, the place of the wish counts, if it has one.
    let (mut o, _) = made(true);
    assert!(!look(&mut o, "monday", 9));
    assert!(look(&mut o, "monday", 8));
    assert_eq!(o.start(), Start::Beginning);
    assert!(!look(&mut o, "monday", 0));
    let (mut o, _) = made(false);
    assert!(!look(&mut o, "monday", 0));
    assert_eq!(o.start(), Start::AsWished);
}

#[test]
fn attempts() {
    let (mut o, t) = made(false);
    assert_eq!(o.patience(t), None);
    o.lost();
    assert_eq!(o.patience(t), Some(MS(100)));
    assert_eq!(o.patience(t + MS(100)), None);
    let t = t + MS(100);
    for pause in [100, 200, 400, 800, 1000, 1000] {
        take(&mut o);
        assert!(!o.failed(t, false, Duration::ZERO));
        assert_eq!(o.patience(t), Some(MS(pause)));
    }
    o.returned();
    assert_eq!(o.patience(t), None);
    assert!(!o.failed(t, true, Duration::ZERO));
    assert_eq!(o.patience(t), Some(MS(100)));
    assert!(!o.failed(t, true, Duration::ZERO));
    // What is there again is no reason to end.
    o.made(t, 0);
    assert!(!o.failed(t, true, Duration::ZERO) && !o.failed(t, false, Duration::ZERO) && o.failed(t, true, Duration::ZERO));
}

#[test]
fn where_it_was_wished() {
    let (mut o, _) = made(false);
    assert_eq!((o.start(), o.start_seq()), (Start::AsWished, 10));
    o.message("n_1", 1, 12);
    assert_eq!(o.start_seq(), 13);
    look(&mut o, "monday", 0);
    assert_eq!((o.start(), o.start_seq()), (Start::Beginning, 1));
    assert_eq!(Order::new(Pace::SOON, true).start_seq(), 1);
    let mut o = Order::behind(Pace::EVER, 7);
    assert_eq!(o.start(), Start::Sequence(8));
    o.made(Instant::now(), 20);
    assert_eq!(o.start(), Start::Sequence(8));
    assert!(look(&mut o, "monday", 6));
}

#[test]
fn paces() {
    let t = Instant::now();
    let mut o = Order::new(Pace::SELDOM, true);
    assert!(!o.failed(t, false, Duration::ZERO));
    assert_eq!(o.patience(t), Some(MS(10_000)));
    assert!(o.failed(t, true, Duration::ZERO));
    let mut o = Order::new(Pace::EVER, true);
    assert!((0..9).all(|_| !o.failed(t, true, Duration::ZERO)));
    assert!(!o.failed(t, false, MS(5000)));
    assert_eq!(o.patience(t), Some(MS(5000)));
    o.returned();
    assert!(!o.failed(t, false, MS(50)));
    assert_eq!(o.patience(t), Some(MS(100)));
}

#[test]
fn a_message_of_the_stream_that_is_delivered_twice() {
    let mut o = Order::new(Pace::SOON, false);
    o.turn_to("n_1");
    assert_eq!(
        [(1, 10), (2, 10), (3, 9), (4, 11)].map(|(n, seq)| o.message("n_1", n, seq)),
        [Sorted::Next, Sorted::Seen, Sorted::Seen, Sorted::Next]
    );
    assert_eq!((o.delivered(), o.start()), (4, Start::Sequence(12)));
}
