//! HTTP connections that ask for nothing.

mod frames;

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep_until},
};

use self::frames::Frames;
use super::clock;

/// What is longer than this is for ever.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// How long a server that stops waits for connections that are of no use.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// And how long for those that are being written something.
const LAST_ANSWER: Duration = Duration::from_secs(20);

/// So much later reading fails than writing that isn't taken: it can't see whether anything has been.
const WRITING_FIRST: Duration = Duration::from_secs(1);

/// A stream that may have room before it says so.
///
/// Linux tells a TCP connection that there is room when a third of its buffer is free, which may be more than a megabyte (`tcp_wmem` in
/// tcp(7)): a client that reads 16 KB in a second takes 80 seconds for so much.
pub(crate) trait Roomy {
    /// Writes what there is room for, whether or not it was said that there is some.
    fn write_now(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
}

impl Roomy for TcpStream {
    fn write_now(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        SockRef::from(self).send_vectored(slices)
    }
}

/// Whether a connection is of use: a request of it is being served, or was a moment ago.
#[derive(Debug)]
pub(crate) struct Activity {
    begun: Instant,
    /// Requests that are being served.
    serving: AtomicUsize,
    /// Whether all that is written says that it is of use. Over HTTP/2 [data](Frames) does: a client that sends PINGs is written the answers.
    writes: AtomicBool,
    /// When it was last of use, in milliseconds from the beginning.
    last: AtomicU64,
}

/// A request is being served as long as this is there, but for when it [waits](Awaited) for its client.
#[derive(Debug)]
pub(crate) struct Serving(Arc<Served>);

/// The client's part in a request that is being served: it sends the rest of it, or takes the answer.
#[derive(Debug)]
pub(crate) struct Awaited {
    served: Arc<Served>,
    waits: bool,
}

#[derive(Debug)]
struct Served {
    activity: Arc<Activity>,
    /// In how many parts it waits for its client, and is not being served therefore; `None` when it is over.
    waiting: Mutex<Option<usize>>,
}

/// Whether the server stops, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stopping(Arc<OnceLock<Stop>>);

#[derive(Debug)]
struct Stop {
    since: Instant,
    /// When nothing is waited for any longer.
    until: Instant,
}

/// A stream of bytes that fails when it has been of no use for too long: no request was being served and nothing of an answer was taken.
///
/// It isn't enough for a client to send bytes: half a request is no request. When the server stops, nobody is waited for any longer who
/// isn't of use for [three seconds](LAST_WORDS), or takes nothing of an answer for [twenty](LAST_ANSWER); and in the end nobody at all.
#[derive(Debug)]
pub(crate) struct IdleStream<S> {
    stream: S,
    activity: Arc<Activity>,
    timeout: Duration,
    stopping: Stopping,
    /// Since when what is being written isn't taken.
    stalled: Option<Instant>,
    /// What is written, if it is HTTP/2.
    frames: Frames,
    /// Looks after it, at the earliest moment at which the time may be up.
    sleep: Pin<Box<Sleep>>,
}

impl Activity {
    fn begins() -> Arc<Self> {
        Arc::new(Self {
            begun: clock::now(),
            serving: AtomicUsize::new(0),
            writes: AtomicBool::new(false),
            last: AtomicU64::new(0),
        })
    }

    pub(crate) fn serve(self: &Arc<Self>) -> Serving {
        self.serving.fetch_add(1, Ordering::Relaxed);
        Serving(Arc::new(Served {
            activity: Arc::clone(self),
            waiting: Mutex::new(Some(0)),
        }))
    }

    /// From now on it is of use whenever anything is written: over HTTP/1.1 that is part of an answer, or of another protocol.
    pub(crate) fn writes_count(&self) {
        self.writes.store(true, Ordering::Relaxed);
    }

    fn touch(&self) {
        let last = clock::now().saturating_duration_since(self.begun).as_millis();
        self.last
            .store(u64::try_from(last).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// When it was last of use: now, if it is.
    fn last(&self) -> Instant {
        match self.serving.load(Ordering::Acquire) {
            0 => self.begun + Duration::from_millis(self.last.load(Ordering::Acquire)),
            _ => clock::now(),
        }
    }
}

impl Stopping {
    /// `until` it is over, whatever there is.
    pub(crate) fn begin(&self, until: Instant) {
        let since = clock::now();
        // Once is enough.
        let _ = self.0.set(Stop { since, until });
    }
}

impl Serving {
    /// For what is still to come of the request, or for what is to be taken of its answer.
    pub(crate) fn awaited(&self) -> Awaited {
        Awaited {
            served: Arc::clone(&self.0),
            waits: false,
        }
    }

    /// The connection speaks another protocol from now on, and how long it may be silent is for that one to say.
    pub(crate) fn for_ever(self) {
        self.0.activity.serving.fetch_add(1, Ordering::Relaxed);
    }
}

impl Awaited {
    /// It is the client's turn, and nothing is done meanwhile.
    pub(crate) fn waits(&mut self) {
        if !self.waits {
            self.waits = true;
            self.served.turn(|waiting| Some(waiting + 1));
        }
    }

    /// The client has done its part, or nobody wants it any more.
    pub(crate) fn goes_on(&mut self) {
        if self.waits {
            self.waits = false;
            self.served.turn(|waiting| Some(waiting - 1));
        }
    }
}

impl Served {
    fn turn(&self, change: impl FnOnce(usize) -> Option<usize>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = *waiting else { return };
        *waiting = change(before);
        match (before == 0, *waiting == Some(0)) {
            (true, false) => {
                self.activity.touch();
                self.activity.serving.fetch_sub(1, Ordering::Release);
            }
            (false, true) => {
                self.activity.serving.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.turn(|_| None);
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.goes_on();
    }
}

impl<S> IdleStream<S> {
    /// `timeout` begins now.
    pub(crate) fn new(stream: S, timeout: Duration, stopping: Stopping) -> Self {
        let (activity, timeout) = (Activity::begins(), timeout.min(FOR_EVER));
        Self {
            stream,
            timeout,
            stopping,
            stalled: None,
            frames: Frames::default(),
            sleep: Box::pin(sleep_until((activity.last() + timeout).into())),
            activity,
        }
    }

    /// When the time is up for what has been of no use since then, if nothing happens.
    fn deadline(&self, since: Instant) -> Instant {
        let usual = since + self.timeout;
        let Some(stop) = self.stopping.0.get() else {
            return usual;
        };
        let last = match self.stalled {
            Some(_) => LAST_ANSWER,
            None => LAST_WORDS,
        };
        usual.min(since.max(stop.since) + last).min(stop.until)
    }

    pub(crate) const fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// The stream alone: it has become that of something that has a heartbeat.
    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// What is being written fails when nothing of it is taken in time.
    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        mut wrote: Poll<io::Result<usize>>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>
    where
        S: Roomy,
    {
        if wrote.is_pending() {
            let stalled = *self.stalled.get_or_insert_with(clock::now);
            let deadline = self.deadline(stalled);
            let failed = ready!(self.fails_at(cx, deadline));
            match self.stream.write_now(slices) {
                Ok(taken) if taken > 0 => wrote = Poll::Ready(Ok(taken)),
                _ => return Poll::Ready(failed),
            }
        }
        // What isn't taken at once is more than PINGs and their answers.
        let had_stalled = self.stalled.take().is_some();
        if self.is_use(&wrote, slices) || had_stalled {
            self.activity.touch();
        }
        wrote
    }

    /// Whether what has been written of this is part of an answer, or of another protocol.
    fn is_use(&mut self, wrote: &Poll<io::Result<usize>>, slices: &[IoSlice<'_>]) -> bool {
        match wrote {
            _ if self.activity.writes.load(Ordering::Relaxed) => true,
            Poll::Ready(Ok(taken)) => self.frames.have_data(slices, *taken),
            _ => false,
        }
    }

    fn fails_at<T>(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<io::Result<T>> {
        while clock::now() < deadline {
            // Whoever waits for less is to be woken first.
            if self.sleep.is_elapsed() || self.sleep.deadline().into_std() > deadline {
                self.sleep.as_mut().reset(deadline.into());
            }
            ready!(self.sleep.as_mut().poll(cx));
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IdleStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_pending() {
            let mut deadline = self.deadline(self.activity.last());
            if self.stalled.is_some() {
                deadline += WRITING_FIRST;
            }
            return self.fails_at(cx, deadline);
        }
        read
    }
}

impl<S: AsyncWrite + Roomy + Unpin> AsyncWrite for IdleStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(cx, wrote, &[IoSlice::new(buf)])
    }

    // A socket keeps nothing back that would have to be flushed.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(cx, wrote, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::advance,
    };

    use super::*;

    impl Roomy for DuplexStream {
        fn write_now(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    fn pair(timeout: Duration) -> (IdleStream<DuplexStream>, DuplexStream) {
        let (near, far) = duplex(4);
        (IdleStream::new(near, timeout, Stopping::default()), far)
    }

    /// How long it takes until a read or a write fails.
    async fn fails<T: std::fmt::Debug>(attempt: impl Future<Output = io::Result<T>>) -> Duration {
        let start = clock::now();
        assert_eq!(attempt.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        clock::now() - start
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_is_over_after_the_time() {
        let (mut near, _far) = pair(MINUTE);
        assert_eq!(fails(near.read_u8()).await, MINUTE);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_no_sign_of_life() {
        let (mut near, mut far) = pair(MINUTE);
        for byte in 0..5 {
            advance(MINUTE / 6).await;
            far.write_u8(byte).await.unwrap();
            assert_eq!(near.read_u8().await.unwrap(), byte);
        }
        assert_eq!(fails(near.read_u8()).await, MINUTE / 6);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_written_is_one_unless_it_is_not_taken() {
        let (mut near, mut far) = pair(MINUTE);
        near.activity().writes_count();
        advance(MINUTE / 2).await;
        near.write_all(b"pong").await.unwrap();
        assert_eq!(fails(near.read_u8()).await, MINUTE);
        let mut taken = [0; 4];
        far.read_exact(&mut taken).await.unwrap();
        near.write_all(b"once").await.unwrap();
        let _serving = near.activity().serve();
        assert_eq!(fails(near.write_all(b"too much")).await, MINUTE);
    }

    /// Such as the answers to PINGs of HTTP/2.
    #[tokio::test(start_paused = true)]
    async fn what_is_written_without_an_answer_is_none_unless_it_stalled() {
        let (mut near, mut far) = pair(MINUTE);
        advance(MINUTE / 2).await;
        near.write_all(b"pong").await.unwrap();
        let write = tokio::time::timeout(MINUTE / 4, near.write_all(b"much"));
        assert!(write.await.is_err(), "it isn't taken");
        far.read_exact(&mut [0; 4]).await.unwrap();
        near.write_all(b"much").await.unwrap();
        assert_eq!(fails(near.read_u8()).await, MINUTE);
        let (mut near, _far) = pair(MINUTE);
        advance(MINUTE / 2).await;
        near.write_all(b"pong").await.unwrap();
        assert_eq!(fails(near.read_u8()).await, MINUTE / 2);
        // Data is taken.
        let (near, mut far) = duplex(32);
        let mut near = IdleStream::new(near, MINUTE, Stopping::default());
        advance(MINUTE / 2).await;
        near.write_all(b"\0\0\x02\0\x01\0\0\0\x05hi").await.unwrap();
        far.read_exact(&mut [0; 11]).await.unwrap();
        assert_eq!(fails(near.read_u8()).await, MINUTE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_may_take_as_long_as_it_wants() {
        let (mut near, _far) = pair(MINUTE);
        let serving = near.activity().serve();
        let other = near.activity().serve();
        let read = tokio::time::timeout(MINUTE * 10, near.read_u8());
        assert!(read.await.is_err(), "the time isn't up");
        drop(serving);
        let read = tokio::time::timeout(MINUTE * 10, near.read_u8());
        assert!(read.await.is_err(), "one is still being served");
        drop(other);
        assert_eq!(fails(near.read_u8()).await, MINUTE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_waits_for_its_client_is_not_being_served() {
        let (mut near, _far) = pair(MINUTE);
        let serving = near.activity().serve();
        let mut awaited = serving.awaited();
        advance(MINUTE * 2).await;
        awaited.waits();
        assert_eq!(fails(near.read_u8()).await, MINUTE);
        awaited.goes_on();
        let read = tokio::time::timeout(MINUTE * 10, near.read_u8());
        assert!(read.await.is_err(), "it has come");
        awaited.waits();
        awaited.waits();
        advance(MINUTE / 2).await;
        // More has come, which is looked at.
        awaited.goes_on();
        awaited.waits();
        assert_eq!(fails(near.read_u8()).await, MINUTE);
        // Who doesn't wait for the rest has it to do with as it likes.
        drop(awaited);
        let read = tokio::time::timeout(MINUTE * 10, near.read_u8());
        assert!(read.await.is_err(), "it is being served");
        let mut awaited = serving.awaited();
        awaited.waits();
        drop(serving);
        awaited.goes_on();
        assert_eq!(near.activity().serving.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_become_another_protocol_may_be_silent() {
        let (mut near, _far) = pair(MINUTE);
        near.activity().serve().for_ever();
        drop(near.activity().serve());
        let read = tokio::time::timeout(MINUTE * 10, near.read_u8());
        assert!(read.await.is_err(), "the time isn't up");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_waits_three_seconds_for_who_is_of_no_use() {
        let (mut near, _far) = pair(MINUTE);
        let serving = near.activity().serve();
        let stopping = near.stopping.clone();
        stopping.begin(clock::now() + MINUTE * 60);
        let read = tokio::time::timeout(MINUTE * 10, near.read_u8());
        assert!(read.await.is_err(), "it is being served");
        drop(serving);
        assert_eq!(fails(near.read_u8()).await, LAST_WORDS);
        let (mut near, _far) = pair(MINUTE);
        let stopping = near.stopping.clone();
        let stops = async {
            advance(MINUTE / 2).await;
            stopping.begin(clock::now() + MINUTE);
        };
        // Whoever polls it is told that the server stops, and polls again.
        let read = async {
            tokio::time::timeout(MINUTE / 2, near.read_u8())
                .await
                .unwrap_err();
            fails(near.read_u8()).await
        };
        assert_eq!(tokio::join!(read, stops).0, LAST_WORDS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_waits_longer_for_who_takes_an_answer_slowly() {
        let (mut near, mut far) = pair(MINUTE);
        near.stopping.begin(clock::now() + MINUTE * 60);
        near.write_all(b"once").await.unwrap();
        let slow = LAST_ANSWER - Duration::from_secs(1);
        for _ in 0..3 {
            let write = tokio::time::timeout(slow, near.write_all(b"more"));
            assert!(write.await.is_err(), "the client may still take it");
            // HTTP/1.1 looks for the end meanwhile.
            let read = tokio::time::timeout(Duration::from_millis(1), near.read_u8());
            assert!(read.await.is_err(), "nor is it over for who reads");
            far.read_exact(&mut [0; 4]).await.unwrap();
            near.write_all(b"more").await.unwrap();
        }
        assert_eq!(fails(near.write_all(b"more")).await, LAST_ANSWER);
    }

    #[tokio::test(start_paused = true)]
    async fn in_the_end_nobody_is_waited_for() {
        let (mut near, mut far) = pair(MINUTE);
        near.activity().writes_count();
        let _serving = near.activity().serve();
        near.stopping.begin(clock::now() + MINUTE);
        for _ in 0..59 {
            near.write_u8(1).await.unwrap();
            far.read_u8().await.unwrap();
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(fails(near.read_u8()).await, Duration::from_secs(1));
        assert_eq!(fails(near.write_all(b"too late")).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_beyond_all_clocks_is_for_ever() {
        let (mut near, mut far) = pair(Duration::MAX);
        advance(MINUTE * 60 * 24 * 365).await;
        far.write_u8(1).await.unwrap();
        assert_eq!(near.read_u8().await.unwrap(), 1);
        assert!(tokio::time::timeout(MINUTE, near.read_u8()).await.is_err());
    }
}
