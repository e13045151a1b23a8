//! Tests of the pool: orders, waits and limits, without a clock or a socket.

use super::*;

fn pool(urls: &[&str]) -> Pool {
    let mut p = Pool::default();
    let urls: Vec<String> = urls.iter().map(|s| s.to_string()).collect();
    p.set(&urls, false).unwrap();
    p
}

fn hosts(p: &Pool) -> Vec<String> {
    p.list().into_iter().map(|e| e.host).collect()
}

fn tried(next: Next) -> (Server, Option<Duration>) {
    match next {
        Next::Try { server, wait, .. } => (server, wait),
        Next::Exhausted { .. } => panic!("exhausted"),
    }
}

const WAIT: Duration = Duration::from_millis(2000);

#[test]
fn all_or_nothing() {
    let mut p = pool(&["a", "b"]);
    assert!(p.set(&["c".into(), "x/y".into()], false).is_err());
    assert!(p.set(&["ws://c".into(), "d".into()], false).is_err());
    assert_eq!(hosts(&p), ["a", "b"]);
    p.set(&[], true).unwrap();
    assert_eq!(p.len(), 0);
}

#[test]
fn randomize_shuffles_and_drops_duplicates() {
    let urls: Vec<String> = (0..50).map(|i| format!("h{}", i % 25)).collect();
    let mut p = Pool::default();
    p.set(&urls, true).unwrap();
    assert_eq!(p.len(), 25);
    assert_ne!(hosts(&p), urls[..25]);
    p.set(&urls, false).unwrap();
    assert_eq!(hosts(&p), urls);
}

#[test]
fn first_round_tries_each_once() {
    let mut p = pool(&["a", "b"]);
    p.begin(Losses::default());
    assert_eq!(p.current().unwrap().host, "a");
    for host in ["a", "b"] {
        let (s, wait) = tried(p.next_of_round());
        assert_eq!((s.entry.host.as_str(), wait), (host, None));
        assert_eq!(p.current().unwrap().host, host);
        p.trying(s.id, Instant::now(), 1);
        p.failed(s.id, Instant::now(), 1);
    }
    assert!(matches!(p.next_of_round(), Next::Exhausted { .. }));
    assert_eq!(hosts(&p), ["a", "b"]);
    assert_eq!(p.list()[0].reconnects, 1);
    p.begin(Losses::default());
    assert_eq!(p.list()[0].reconnects, 0);
}

#[test]
fn going_back_waits_moving_on_does_not() {
    let mut p = pool(&["a", "b"]);
    p.begin(Losses::default());
    let t = Instant::now();
    let (a, _) = tried(p.next_of_round());
    p.trying(a.id, t, 5);
    p.connected(a.id, t);
    let (b, wait) = tried(p.next_again(t, WAIT, Some(60)));
    assert_eq!((b.entry.host.as_str(), wait), ("b", Some(Duration::ZERO)));
    p.trying(b.id, t, 6);
    p.failed(b.id, t, 6);
    let (a, wait) = tried(p.next_again(t + Duration::from_millis(500), WAIT, Some(60)));
    assert_eq!((a.entry.host.as_str(), wait), ("a", Some(Duration::from_millis(1500))));
    assert_eq!(a.entry.last_attempt, 5);
    let (_, wait) = tried(p.next_again(t + Duration::from_secs(9), WAIT, Some(60)));
    assert_eq!(wait, Some(Duration::ZERO));
}

#[test]
fn only_a_server_that_failed_is_waited_for() {
    let mut p = pool(&["a", "b"]);
    p.begin(Losses { wait_for_failed: true, ..Losses::default() });
    let t = Instant::now();
    let ms = |n| t + Duration::from_millis(n);
    let (a, _) = tried(p.next_of_round());
    p.trying(a.id, t, 5);
    assert_eq!(p.list()[1].last_attempt, 0);
    p.connected(a.id, t);
    // Neither attempt failed: both at once.
    for (host, failed_at) in [("b", 10), ("a", 20)] {
        let (s, wait) = tried(p.next_again(t, WAIT, Some(2)));
        assert_eq!((s.entry.host.as_str(), wait, s.entry.last_attempt), (host, None, 0));
        p.trying(s.id, t, 0);
        p.failed(s.id, ms(failed_at), failed_at);
    }
    // From the failure on, not from the start of the attempt.
    let (b, wait) = tried(p.next_again(ms(500), WAIT, Some(2)));
    assert_eq!((b.entry.host.as_str(), wait, b.entry.last_attempt), ("b", Some(Duration::from_millis(1510)), 10));
    p.failed(b.id, ms(2010), 2010);
    let (a, wait) = tried(p.next_again(ms(2010), WAIT, Some(2)));
    assert_eq!((a.entry.host.as_str(), wait), ("a", Some(Duration::from_millis(10))));
    p.connected(a.id, ms(2020));
    assert_eq!((p.list()[1].last_attempt, p.list()[1].reconnects), (0, 0));
    // B leaves, A is tried at once, then after the wait, and leaves too.
    let (a, wait) = tried(p.next_again(ms(3000), WAIT, Some(2)));
    assert_eq!((a.entry.host.as_str(), wait, p.len()), ("a", None, 1));
    p.failed(a.id, ms(3000), 3000);
    assert_eq!(tried(p.next_again(ms(3000), WAIT, Some(2))).1, Some(WAIT));
    p.failed(a.id, ms(5000), 5000);
    assert!(matches!(p.next_again(ms(5000), WAIT, Some(2)), Next::Exhausted { .. }));
}

#[test]
fn leaves_at_maximum_when_its_turn_comes() {
    let mut p = pool(&["a"]);
    p.begin(Losses::default());
    let t = Instant::now();
    let (a, _) = tried(p.next_of_round());
    p.connected(a.id, t);
    for _ in 0..2 {
        let (a, _) = tried(p.next_again(t, WAIT, Some(2)));
        p.failed(a.id, t, 7);
    }
    assert_eq!(p.len(), 1);
    assert!(matches!(
        p.next_again(t, WAIT, Some(2)),
        Next::Exhausted { dropped } if dropped.len() == 1
    ));
    assert_eq!(p.len(), 0);
}

#[test]
fn never_leaves_without_maximum() {
    let mut p = pool(&["a"]);
    let t = Instant::now();
    for _ in 0..1000 {
        let (a, _) = tried(p.next_again(t, WAIT, None));
        p.failed(a.id, t, 7);
    }
    assert_eq!(p.list()[0].reconnects, 1000);
}

fn urls(list: &[&str]) -> Vec<String> {
    list.iter().map(|url| url.to_string()).collect()
}

#[test]
fn discovered_join_at_the_front_once() {
    let mut p = pool(&["tls://u:p@a:1", "tls://b:1"]);
    p.begin(Losses::default());
    let (a, _) = tried(p.next_of_round());
    p.connected(a.id, Instant::now());
    let named = urls(&["c:1", "b:1", "[::1]:1", "no address", "c:1"]);
    assert_eq!(p.discover(&named, false), (urls(&["c:1", "[::1]:1"]), vec![]));
    assert_eq!(p.discover(&named, false), (vec![], vec![]));
    assert_eq!(hosts(&p), ["::1", "c", "b", "a"]);
    let c = &p.list()[1];
    assert!(c.discovered);
    assert_eq!((c.scheme, &c.auth), ("tls", &super::UrlAuth::User("u".into(), "p".into())));
    assert_eq!(p.current().unwrap().host, "a");
}

#[test]
fn discovered_behind_a_gateway_are_reached_by_its_path() {
    let mut p = pool(&["wss://a:1/gate?x=1"]);
    p.begin(Losses::default());
    let (a, _) = tried(p.next_of_round());
    p.connected(a.id, Instant::now());
    p.discover(&urls(&["b:1"]), false);
    let b = &p.list()[0];
    assert_eq!((b.scheme, b.host.as_str(), b.path.as_str()), ("wss", "b", "/gate?x=1"));
}

#[test]
fn discovered_leave_when_they_are_not_named_any_more() {
    let mut p = pool(&["a:1", "b:1"]);
    p.begin(Losses::default());
    let (a, _) = tried(p.next_of_round());
    p.connected(a.id, Instant::now());
    p.discover(&urls(&["c:1", "d:1"]), false);
    // Nothing is known, nothing changes.
    assert_eq!(p.discover(&[], false), (vec![], vec![]));
    assert_eq!(p.discover(&urls(&["c:1"]), false), (vec![], urls(&["d:1"])));
    assert_eq!(hosts(&p), ["c", "b", "a"]);
    // The one in use stays, discovered or not.
    let (c, _) = tried(p.next_again(Instant::now(), WAIT, None));
    p.connected(c.id, Instant::now());
    assert_eq!(p.discover(&urls(&["e:1"]), false), (urls(&["e:1"]), vec![]));
    assert_eq!(hosts(&p), ["e", "b", "a", "c"]);
}
