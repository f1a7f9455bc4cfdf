//! How late the heartbeat may be: `ping_interval` and `ping_timeout` say up to 250 ms each.
//!
//! The wheel turns from the first connection on, which may come at any moment of the ticks that deadlines are rounded up to: here shortly before
//! one. What a later client is due falls shortly behind one.

use super::*;

const BEFORE_A_TICK: Duration = Duration::from_millis(240);
const ACROSS_IT: Duration = Duration::from_millis(20);
const STEP: Duration = Duration::from_millis(10);

async fn elapse(time: Duration) {
    tokio::time::advance(time).await;
    settle().await;
}

/// A client that says nothing, and another one that keeps the wheel turning since a moment between two ticks.
async fn silent() -> (Arc<Server>, Ws, Ws) {
    let server = Server::new(Config::default());
    elapse(BEFORE_A_TICK).await;
    let first = Ws::open(&server, "EIO=4").await;
    elapse(ACROSS_IT).await;
    let second = Ws::open(&server, "EIO=4").await;
    (server, first, second)
}

#[tokio::test(start_paused = true)]
async fn a_ping_leaves_up_to_250_milliseconds_late() {
    let (_server, _first, mut second) = silent().await;
    pass(25).await;
    let mut late = Duration::ZERO;
    while second.is_quiet().await {
        elapse(STEP).await;
        late += STEP;
    }
    assert!(late <= Duration::from_millis(250), "{late:?} late");
}

/// Once for the ping, and once more for its answer.
#[tokio::test(start_paused = true)]
async fn a_silent_client_is_gone_up_to_500_milliseconds_late() {
    let (server, _first, _second) = silent().await;
    let upper = server.last();
    let opened = tokio::time::Instant::now();
    while upper.told().is_empty() {
        elapse(STEP).await;
    }
    let late = opened.elapsed() - Duration::from_secs(45);
    assert!(late <= Duration::from_millis(500), "{late:?} late");
}
