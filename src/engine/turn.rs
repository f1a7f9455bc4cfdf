//! Turns of tasks that have more to do.

use std::{
    future::Future,
    pin::pin,
    task::Context,
    time::{Duration, Instant},
};

/// Messages taken in before other connections of the thread have their turn.
const MESSAGES: usize = 64;

/// A message counts once more for so many bytes: what is read at a time is little, but it may have been compressed.
const BYTES: usize = 16 * 1024;

/// How long handlers may take before what they have sent goes out, and others have their turn. Those that send and are quick, and are
/// nearly all, never do. Where instructions are counted everything takes fifty times as long.
const LONG: Duration = Duration::from_millis(if cfg!(benching) { 1000 } else { 1 });

/// What a connection may still do in its turn.
#[derive(Debug)]
pub(super) struct Turn {
    left: usize,
    taken: u32,
    /// When the second message came: one alone costs no look at the clock.
    began: Option<Instant>,
}

impl Turn {
    pub(super) const fn new() -> Self {
        Self {
            left: MESSAGES,
            taken: 0,
            began: None,
        }
    }

    /// Counts a message of so many bytes, before it is taken in.
    pub(super) fn spend(&mut self, bytes: usize, now: impl FnOnce() -> Instant) {
        self.left = self.left.saturating_sub(1 + bytes / BYTES);
        self.taken += 1;
        if self.taken == 2 {
            self.began = Some(now());
        }
    }

    /// Whether the turn ends after the message that was taken in last. The clock is looked at seldom.
    pub(super) fn is_over(&self, now: impl FnOnce() -> Instant) -> bool {
        let looks = self.taken.is_power_of_two() || self.taken.is_multiple_of(8);
        let is_long = |began| looks && now().saturating_duration_since(began) >= LONG;
        self.left == 0 || self.began.is_some_and(is_long)
    }
}

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

    /// How many messages are taken in in a turn.
    #[expect(clippy::disallowed_methods, reason = "an Instant can't be made from nothing")]
    fn messages(bytes: usize, each_takes: impl Fn(u32) -> Duration) -> u32 {
        let (mut turn, mut now) = (Turn::new(), Instant::now());
        loop {
            turn.spend(bytes, || now);
            now += each_takes(turn.taken);
            if turn.is_over(|| now) {
                return turn.taken;
            }
        }
    }

    #[test]
    fn a_turn_has_so_many_messages_or_so_many_bytes() {
        let quick = |_| Duration::from_micros(10);
        assert_eq!(messages(0, quick), 64);
        assert_eq!(messages(BYTES, quick), 32);
        assert_eq!(messages(1 << 20, quick), 1);
    }

    #[test]
    fn a_turn_ends_when_handlers_take_long() {
        assert_eq!(messages(0, |_| Duration::from_millis(50)), 2);
        assert_eq!(messages(0, |_| Duration::from_micros(100)), 16);
        // Where only some do, soon after.
        let tenth = |message| Duration::from_millis(if message == 10 { 50 } else { 0 });
        assert_eq!(messages(0, tenth), 16);
    }

    #[test]
    fn a_message_alone_costs_no_look_at_the_clock() {
        let mut turn = Turn::new();
        turn.spend(0, || unreachable!());
        assert!(!turn.is_over(|| unreachable!()));
    }

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
