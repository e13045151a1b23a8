use super::super::jetstream_convert::ApiError;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn batch(tolerant: bool) -> (Fast, Instant) {
    (Fast::new(Setting { flow: 3, outstanding: 2, tolerant, timeout: Some(6 * SECOND) }), Instant::now())
}

fn ack(seq: u64, msgs: u64) -> Answer {
    Answer::Ack { seq, msgs }
}

fn error(err_code: i64) -> Refusal {
    Refusal::Api(ApiError { code: 400, err_code, description: "no".to_owned() })
}

fn failed(seq: u64, op: Op, err_code: i64) -> Answer {
    Answer::Failed { seq, op, error: error(err_code) }
}

/// Publishes until the window is full; the numbers, marked where they go out at once.
fn fill(fast: &mut Fast, now: Instant) -> Vec<(u64, bool)> {
    let mut gone = Vec::new();
    while let Claim::Go { seq, at_once, .. } = fast.claim(now) {
        fast.sent(seq);
        gone.push((seq, at_once));
    }
    gone
}

/// Answers of all kinds that a message is not stored.
fn losses(from: u64, to: u64) -> Vec<Answer> {
    let refused = (from..to).map(|seq| Answer::Refused { seq, error: error(10077) });
    refused.chain((from..to).map(|seq| failed(seq, Op::Append, 10054))).chain([Answer::Gap { from, to }]).collect()
}

/// A batch whose first message was taken.
fn open(tolerant: bool) -> (Fast, Instant) {
    let (mut fast, now) = batch(tolerant);
    assert_eq!(fast.claim(now), Claim::Go { seq: 1, op: Op::Start, at_once: true });
    fast.sent(1);
    assert_eq!(fast.claim(now), Claim::Wait, "the first answer comes first");
    assert_eq!(fast.answer(ack(0, 3), now), Reaction::default());
    (fast, now)
}

#[test]
fn what_is_not_stored_takes_no_room() {
    let (mut fast, now) = open(true);
    assert_eq!(fill(&mut fast, now).len(), 5);
    for answer in losses(2, 5) {
        fast.answer(answer, now);
    }
    assert_eq!(fill(&mut fast, now).len(), 3);
    // Acknowledged, some of them: they count once.
    fast.answer(ack(3, 3), now);
    assert_eq!(fill(&mut fast, now).len(), 1);
    fast.answer(ack(10, 3), now);
    assert_eq!(fill(&mut fast, now).len(), 6);
    // Nobody can lose what was not sent, or take back what is acknowledged.
    fast.answer(Answer::Gap { from: 0, to: u64::MAX }, now);
    assert_eq!((fill(&mut fast, now).len(), fast.acked()), (6, 10));
}

#[test]
fn what_the_server_refuses_has_been_sent() {
    let (mut fast, now) = open(false);
    assert!(matches!(fast.claim(now), Claim::Go { seq: 2, .. }));
    assert_eq!(fast.answer(failed(2, Op::Append, 10054), now).ping, Some(2));
    fast.sent(2);
}

#[test]
fn the_window() {
    let (mut fast, now) = open(false);
    assert_eq!(fill(&mut fast, now), [(2, false), (3, true), (4, false), (5, false), (6, true)]);
    fast.answer(ack(3, 3), now);
    assert_eq!(fill(&mut fast, now), [(7, false), (8, false), (9, true)]);
    // A later acknowledgement stands for the earlier ones, and an old one takes nothing back.
    fast.answer(ack(9, 2), now);
    fast.answer(ack(6, 2), now);
    assert_eq!((fast.acked(), fill(&mut fast, now).len()), (9, 4));
    // The server may ask for less, never for more than was offered, and never for nothing.
    fast.answer(ack(13, 1000), now);
    assert_eq!(fill(&mut fast, now).len(), 6);
    fast.answer(ack(19, 0), now);
    assert_eq!(fill(&mut fast, now).len(), 2);
    // Nobody can acknowledge what was not sent.
    fast.answer(ack(u64::MAX, 3), now);
    assert_eq!(fast.acked(), 21);
}

#[test]
fn a_message_that_could_not_go() {
    let (mut fast, now) = batch(false);
    fast.claim(now);
    fast.unsent(Op::Start);
    assert_eq!((fast.phase(), fast.next()), (&Phase::New, None));
    let (mut fast, now) = open(false);
    fast.claim(now);
    fast.unsent(Op::Append);
    assert_eq!(fast.claim(now), Claim::Go { seq: 2, op: Op::Append, at_once: false });
    assert!(matches!(fast.finish(false, now), Claim::Go { .. }));
    fast.unsent(Op::End);
    assert_eq!(fast.phase(), &Phase::Open);
    assert_eq!(fast.finish(true, now), Claim::Go { seq: 3, op: Op::Last, at_once: true });
}

#[test]
fn the_end_that_was_asked_for() {
    let (mut fast, now) = open(false);
    fast.claim(now);
    assert_eq!(fast.finish(false, now), Claim::Go { seq: 3, op: Op::End, at_once: true });
    assert_eq!((fast.finish(false, now), fast.claim(now)), (Claim::Late, Claim::Late));
    fast.answer(Answer::Stored { count: 2 }, now);
    assert_eq!(fast.phase(), &Phase::Over(End::Stored { asked: true, complete: true }));
    assert_eq!((fast.acked(), fast.next()), (2, None));

    let (mut fast, now) = batch(false);
    assert_eq!(fast.finish(false, now), Claim::Empty);
    assert_eq!(fast.finish(true, now), Claim::Go { seq: 1, op: Op::Last, at_once: true });
    fast.answer(Answer::Stored { count: 1 }, now);
    assert_eq!(fast.phase(), &Phase::Over(End::Stored { asked: true, complete: true }));

    let (mut fast, now) = open(false);
    fill(&mut fast, now);
    assert_eq!(fast.finish(true, now), Claim::Wait, "a last message needs room");
    fast.answer(ack(3, 3), now);
    assert_eq!(fast.finish(true, now), Claim::Go { seq: 7, op: Op::Last, at_once: true });
    fast.answer(Answer::Refused { seq: 7, error: error(10071) }, now);
    fast.answer(Answer::Stored { count: 6 }, now);
    assert_eq!(fast.phase(), &Phase::Over(End::Stored { asked: true, complete: false }));
    assert_eq!(fast.cause(), Some(&error(10071)));
}

#[test]
fn a_refused_message_ends_it() {
    let (mut fast, now) = open(false);
    fill(&mut fast, now);
    let reaction = fast.answer(Answer::Refused { seq: 2, error: error(10071) }, now);
    assert_eq!(reaction, Reaction { news: Some(News::Refused(2, error(10071))), ping: None });
    assert_eq!((fast.claim(now), fast.finish(true, now)), (Claim::Late, Claim::Wait));
    fast.answer(Answer::Stored { count: 1 }, now);
    assert_eq!(fast.phase(), &Phase::Over(End::Stored { asked: false, complete: false }));
    assert_eq!((fast.cause(), fast.acked()), (Some(&error(10071)), 1));
    // What follows is about messages behind the end.
    assert_eq!(fast.answer(failed(3, Op::Append, 10208), now), Reaction::default());
}

#[test]
fn a_gap() {
    let (mut fast, now) = open(false);
    fill(&mut fast, now);
    assert_eq!(fast.answer(Answer::Gap { from: 2, to: 4 }, now).news, Some(News::Gap(2, 4)));
    assert_eq!((fast.phase(), fast.cause()), (&Phase::Doomed, None));

    let (mut fast, now) = open(true);
    fill(&mut fast, now);
    assert_eq!(fast.answer(Answer::Gap { from: 2, to: 4 }, now).news, Some(News::Gap(2, 4)));
    assert_eq!(fast.answer(Answer::Refused { seq: 5, error: error(10077) }, now).news, Some(News::Refused(5, error(10077))));
    assert_eq!((fast.phase(), fast.cause()), (&Phase::Open, None));
    fast.answer(ack(6, 3), now);
    assert!(matches!(fast.finish(false, now), Claim::Go { seq: 7, .. }));
    fast.answer(Answer::Stored { count: 6 }, now);
    assert_eq!(fast.phase(), &Phase::Over(End::Stored { asked: true, complete: true }));
}

#[test]
fn refused_before_the_batch_was_looked_at() {
    let (mut fast, now) = open(false);
    fill(&mut fast, now);
    let reaction = fast.answer(failed(2, Op::Append, 10054), now);
    assert_eq!(reaction, Reaction { news: Some(News::Refused(2, error(10054))), ping: Some(6) });
    assert_eq!(fast.answer(failed(3, Op::Append, 10054), now).ping, None, "one ping is enough");
    fast.answer(Answer::Gap { from: 2, to: 7 }, now);
    assert_eq!((fast.phase(), fast.cause()), (&Phase::Doomed, Some(&error(10054))));

    let (mut fast, now) = open(true);
    fast.claim(now);
    fast.sent(2);
    assert_eq!(fast.answer(failed(2, Op::Append, 10208), now).ping, Some(2));
    fast.answer(failed(2, Op::Ping, 10208), now);
    assert_eq!(fast.phase(), &Phase::Over(End::Refused(error(10208))));
}

#[test]
fn refused_at_once() {
    let (mut fast, now) = batch(true);
    fast.claim(now);
    fast.answer(failed(1, Op::Start, 10205), now);
    assert_eq!(fast.phase(), &Phase::Over(End::Refused(error(10205))));
    let (mut fast, now) = batch(false);
    fast.finish(true, now);
    fast.answer(failed(1, Op::Last, 10205), now);
    assert_eq!(fast.phase(), &Phase::Over(End::Refused(error(10205))));
    // A refusal may come behind the first acknowledgement.
    let (mut fast, now) = open(false);
    fast.answer(failed(1, Op::Start, 10071), now);
    assert_eq!(fast.phase(), &Phase::Over(End::Refused(error(10071))));
}

#[test]
fn answers_of_others() {
    let (mut fast, now) = batch(false);
    fast.claim(now);
    fast.answer(Answer::Foreign, now);
    assert_eq!(fast.phase(), &Phase::Over(End::NotAnAck));
    let (mut fast, now) = open(false);
    assert_eq!(fast.answer(Answer::Foreign, now), Reaction::default());
    assert_eq!(fast.phase(), &Phase::Open);
}

#[test]
fn pings_of_an_idle_batch() {
    let (mut fast, now) = open(false);
    assert_eq!(fast.next(), Some(now + ALIVE));
    fast.claim(now);
    fast.sent(2);
    let now = now + ALIVE;
    assert_eq!(fast.tick(now).ping, None, "a message went out");
    let now = now + ALIVE;
    assert_eq!(fast.tick(now).ping, Some(2));
    // An answer is due now.
    assert_eq!(fast.next(), Some(now + 2 * SECOND));
    fast.answer(ack(0, 3), now + SECOND);
    assert_eq!(fast.next(), Some(now + ALIVE));
    assert_eq!(fast.tick(now + ALIVE).ping, Some(2));
}

#[test]
fn silence() {
    let (mut fast, now) = open(false);
    fill(&mut fast, now);
    let at = |seconds: u32| now + seconds * SECOND;
    assert_eq!(fast.next(), Some(at(2)));
    assert_eq!(fast.tick(at(1)), Reaction::default());
    assert_eq!((fast.tick(at(2)).ping, fast.next()), (Some(6), Some(at(3))));
    assert_eq!((fast.tick(at(3)).ping, fast.next()), (None, Some(at(4))), "the look at whether messages go out finds some");
    assert_eq!((fast.tick(at(4)).ping, fast.next()), (Some(6), Some(at(6))));
    fast.tick(at(6));
    assert_eq!(fast.phase(), &Phase::Over(End::Timeout));

    // Before the first answer and after the end there is nothing to ask about.
    let (mut fast, now) = batch(false);
    fast.claim(now);
    assert_eq!((fast.next(), fast.tick(now + 5 * SECOND)), (Some(now + 6 * SECOND), Reaction::default()));
    let (mut fast, now) = open(false);
    fast.finish(false, now);
    assert_eq!((fast.next(), fast.tick(now + 5 * SECOND)), (Some(now + 6 * SECOND), Reaction::default()));
    fast.tick(now + 6 * SECOND);
    assert_eq!(fast.phase(), &Phase::Over(End::Timeout));
}

/// Answers every ping with the same acknowledgement for so many seconds; the second in which it ended.
fn stall(fast: &mut Fast, now: Instant, seq: u64, seconds: u32) -> Option<u32> {
    for second in 1..=seconds {
        let at = now + second * SECOND;
        if fast.tick(at).ping.is_some() {
            fast.answer(ack(seq, 1), at);
        }
        if *fast.phase() == Phase::Over(End::Timeout) {
            return Some(second);
        }
    }
    None
}

#[test]
fn answers_without_progress() {
    let (mut fast, now) = open(false);
    fill(&mut fast, now);
    assert_eq!(stall(&mut fast, now, 0, 20), Some(6));

    // Any progress begins anew, though the window stays full.
    let (mut fast, now) = open(false);
    fill(&mut fast, now);
    assert_eq!(stall(&mut fast, now, 0, 5), None);
    let now = now + 5 * SECOND;
    fast.answer(ack(1, 1), now);
    assert_eq!((fast.claim(now), stall(&mut fast, now, 1, 5)), (Claim::Wait, None));
    let now = now + 5 * SECOND;
    fast.answer(ack(5, 1), now);
    assert_eq!(fast.claim(now), Claim::Go { seq: 7, op: Op::Append, at_once: true });
    assert_eq!(stall(&mut fast, now, 5, 20), Some(6));

    // What is lost is settled, too.
    let (mut fast, now) = open(true);
    fill(&mut fast, now);
    assert_eq!(stall(&mut fast, now, 0, 5), None);
    let now = now + 5 * SECOND;
    fast.answer(Answer::Gap { from: 2, to: 3 }, now);
    assert_eq!((fast.claim(now), stall(&mut fast, now, 0, 20)), (Claim::Wait, Some(6)));

    // Where there is room nobody waits.
    let (mut fast, now) = open(false);
    assert_eq!((stall(&mut fast, now, 0, 60), fast.phase()), (None, &Phase::Open));

    // The end: acknowledgements of before do not put it off.
    let (mut fast, now) = open(false);
    fast.finish(false, now);
    for second in 1..6 {
        fast.answer(ack(0, 3), now + second * SECOND);
    }
    assert_eq!(fast.next(), Some(now + 6 * SECOND));
    fast.tick(now + 6 * SECOND);
    assert_eq!(fast.phase(), &Phase::Over(End::Timeout));

    // A batch that the server ends, and does not tell what is stored.
    let (mut fast, now) = open(false);
    fill(&mut fast, now);
    fast.answer(Answer::Gap { from: 2, to: 4 }, now);
    assert_eq!(fast.phase(), &Phase::Doomed);
    assert_eq!(stall(&mut fast, now, 0, 20), Some(6));
}

#[test]
fn without_a_timeout() {
    let now = Instant::now();
    let mut fast = Fast::new(Setting { flow: 1, outstanding: 1, tolerant: false, timeout: None });
    fast.claim(now);
    assert_eq!(fast.next(), None);
    fast.answer(ack(0, 1), now);
    assert_eq!((fast.next(), fast.claim(now)), (Some(now + ALIVE), Claim::Wait));
    fast.tick(now + 1000 * SECOND);
    assert_eq!(fast.phase(), &Phase::Open);
    fast.give_up();
    assert_eq!(fast.claim(now), Claim::Late);
}
