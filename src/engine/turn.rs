//! Turns of tasks that have more to do.

use std::{future::Future, pin::pin, task::Context};

/// Ends a turn: the task goes on after the others, and after sockets and timers have been looked at.
///
/// One that woke itself would keep tokio's queue full, and then sockets and timers are looked at once in 61 polls, each of which may
/// take as long as a message of a megabyte does.
pub(super) fn end(cx: &mut Context<'_>) {
    // It is pending, always, and has kept the waker.
    let _ = pin!(tokio::task::yield_now()).poll(cx);
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, net::TcpStream, task::Poll};

    use tokio::{net::TcpListener, spawn, task::yield_now};

    use super::*;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "what is tested is the turns of tasks")]
    async fn whoever_has_more_to_do_lets_sockets_be_looked_at() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = spawn(async move { listener.accept().await });
        yield_now().await;
        let _client = TcpStream::connect(address).unwrap();
        let mut turns = 0;
        let busy = spawn(poll_fn(move |cx| {
            turns += 1;
            if accepted.is_finished() {
                return Poll::Ready(turns);
            }
            end(cx);
            Poll::Pending
        }));
        let turns = busy.await.unwrap();
        assert!(turns < 10, "{turns} turns");
    }
}
