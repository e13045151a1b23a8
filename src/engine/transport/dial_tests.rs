use super::*;
use std::sync::Mutex;
use tokio::net::TcpListener;

fn all(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|t| t.parse().unwrap()).collect()
}

/// Runs a future on a clock of its own that jumps to the next timer whenever nothing else happens.
fn on_paused_clock<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(future)
}

#[test]
fn families_by_turns() {
    let found = all(&["[::1]:4", "[::2]:4", "[::3]:4", "1.1.1.1:4", "[::1]:4"]);
    assert_eq!(in_turn(found), all(&["[::1]:4", "1.1.1.1:4", "[::2]:4", "[::3]:4"]));
    let found = all(&["1.1.1.1:4", "1.1.1.2:4", "1.1.1.1:4", "[::1]:4", "[::2]:4", "[::3]:4"]);
    assert_eq!(in_turn(found), all(&["1.1.1.1:4", "[::1]:4", "1.1.1.2:4", "[::2]:4", "[::3]:4"]));
    assert_eq!(in_turn(Vec::new()), Vec::new());
}

/// What an address does, and after how many ms.
type Script = (&'static str, Option<(u64, bool)>);

/// The winner, who failed, and when each was tried and all ended (ms).
fn run(script: &[Script]) -> (Option<SocketAddr>, Vec<SocketAddr>, Vec<u128>, u128) {
    on_paused_clock(async {
        let addresses: Vec<SocketAddr> = script.iter().map(|s| s.0.parse().unwrap()).collect();
        let begun = Instant::now();
        let tried = Mutex::new(Vec::new());
        let mut failed = Vec::new();
        let won = race(&addresses, &mut failed, |address| {
            tried.lock().unwrap().push(begun.elapsed().as_millis());
            let (_, outcome) = *script.iter().find(|s| s.0 == address.to_string()).unwrap();
            async move {
                match outcome {
                    None => std::future::pending().await,
                    Some((after, good)) => {
                        sleep(Duration::from_millis(after)).await;
                        if good { Ok(address) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
                    }
                }
            }
        })
        .await;
        let failed = failed.iter().map(|f| f.0).collect();
        (won, failed, tried.into_inner().unwrap(), begun.elapsed().as_millis())
    })
}

#[test]
fn the_next_after_a_refusal_or_a_head_start() {
    let (won, failed, tried, _) = run(&[("[::1]:1", Some((0, false))), ("127.0.0.1:1", Some((0, true)))]);
    assert_eq!((won, failed, tried), (Some(all(&["127.0.0.1:1"])[0]), all(&["[::1]:1"]), vec![0, 0]));
    let (won, failed, tried, ended) = run(&[("[::1]:1", None), ("127.0.0.1:1", Some((10, true))), ("127.0.0.2:1", None)]);
    assert_eq!((won, failed, tried, ended), (Some(all(&["127.0.0.1:1"])[0]), Vec::new(), vec![0, 250], 260));
}

#[test]
fn a_slow_one_may_still_win() {
    let (won, failed, tried, ended) = run(&[("[::1]:1", Some((300, true))), ("127.0.0.1:1", Some((20, false)))]);
    assert_eq!((won, failed), (Some(all(&["[::1]:1"])[0]), all(&["127.0.0.1:1"])));
    assert_eq!((tried, ended), (vec![0, 250], 300));
}

#[test]
fn nobody_answers() {
    let (won, failed, tried, ended) =
        run(&[("[::1]:1", Some((400, false))), ("127.0.0.1:1", Some((30, false))), ("127.0.0.2:1", Some((5, false)))]);
    assert_eq!((won, failed), (None, all(&["127.0.0.1:1", "127.0.0.2:1", "[::1]:1"])));
    assert_eq!((tried, ended), (vec![0, 250, 280], 400));
    assert_eq!(run(&[]).0, None);
}

#[test]
fn texts_name_all_that_failed() {
    let error = |kind: io::ErrorKind| io::Error::from(kind);
    let [one, two] = [all(&["[::1]:4"])[0], all(&["127.0.0.1:4"])[0]];
    let problem = all_failed("h:4", &[(one, error(io::ErrorKind::ConnectionRefused)), (two, error(io::ErrorKind::TimedOut))]);
    assert_eq!(problem.text, "Failed to connect to h:4: [::1]:4: connection refused; 127.0.0.1:4: timed out");
    assert_eq!(all_failed("h:4", &[(two, error(io::ErrorKind::TimedOut))]).text, "Connection timeout for h:4");
    assert_eq!(all_failed("h:4", &[]).text, "Failed to connect to h:4: the host name has no address");
}

#[test]
fn a_live_address_after_a_refusing_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = live.local_addr().unwrap().port();
        let addresses = all(&[&format!("127.0.0.2:{port}"), &format!("127.0.0.1:{port}")]);
        let mut failed = Vec::new();
        let stream = race(&addresses, &mut failed, TcpStream::connect).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
        assert_eq!(failed.len(), 1);
        assert_eq!((failed[0].0, failed[0].1.kind()), (addresses[0], io::ErrorKind::ConnectionRefused));
    });
}

#[test]
fn a_socket_does_not_talk_to_itself() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let own = socket.local_addr().unwrap();
        let refused = socket.connect(own).await.and_then(not_itself);
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert!(connect(listener.local_addr().unwrap()).await.is_ok());
    });
}
