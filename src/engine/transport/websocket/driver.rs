//! The task of one WebSocket.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{
    inbox::{Inbox, ProbeInbox, ProbeWord},
    io::Stream,
    linger::linger,
    reader::{Read, Reader},
    writer::Writer,
};
use crate::{
    engine::{
        CloseReason, Connection, ReadyState, Receiver, clock,
        outbox::{Control, Item},
        refused,
        session::{ProbeId, UpgradeStep},
    },
    websocket::{CloseCode, ControlFrame, Pongs},
};

/// Full reads before other connections of the thread have their turn.
const READS: u32 = 4;

/// Moves packets between a WebSocket and its connection.
///
/// A future by hand, because there is one for every connection: in one poll it reads and dispatches what there is,
/// then writes everything that is queued, replies included, at once. Idle it holds no buffer.
///
/// ```text
///  probe() ──► Probing ── 5 ──► Switching ── no POST is read ──► Open ◄── open()
///                 │                 │                              │
///                 └─────────────────┴──────────────┬───────────────┘
///                                                  ▼
///                                         the task ends, or lingers
/// ```
pub(super) struct Driver<S: Stream> {
    /// Gone once the driver has ended.
    stream: Option<S>,
    connection: Connection,
    reader: Reader,
    writer: Writer,
    pongs: Pongs,
    stage: Stage,
    /// The receiver doesn't want the next message yet.
    blocked: bool,
}

enum Stage {
    /// `None` was refused at once.
    Probing(Option<ProbeId>),
    Switching(ProbeId),
    /// It is this driver that calls the receiver, and nobody else.
    Open(Arc<dyn Receiver>),
}

/// What comes after a stage.
enum Next {
    Stage(Stage),
    End(End),
}

/// How a WebSocket ends.
#[derive(Debug)]
enum End {
    /// There is nobody to say anything to, or it can't be said any more.
    Silent,
    /// We close first, and wait for the client's close frame.
    Close(Option<CloseCode>),
    /// The client closed, and gets its answer.
    Reply(Option<CloseCode>),
}

impl<S: Stream> Driver<S> {
    /// The driver of a session that begins on a WebSocket.
    pub(super) fn open(stream: S, early: &[u8], connection: Connection, b64: bool) -> Self {
        let receiver = connection.lock().receiver.clone();
        let receiver = receiver.expect("invariant: the receiver stays until its driver ends");
        Self::new(stream, early, connection, b64, Stage::Open(receiver))
    }

    /// The driver of a WebSocket that may become the transport of a session that polls.
    pub(super) fn probe(
        stream: S,
        early: &[u8],
        connection: Connection,
        b64: bool,
        id: Option<ProbeId>,
    ) -> Self {
        Self::new(stream, early, connection, b64, Stage::Probing(id))
    }

    fn new(stream: S, early: &[u8], connection: Connection, b64: bool, stage: Stage) -> Self {
        let limit = connection.shared().config.max_http_buffer_size;
        Self {
            stream: Some(stream),
            reader: Reader::new(early, limit),
            writer: Writer::new(connection.protocol(), b64),
            connection,
            pongs: Pongs::default(),
            stage,
            blocked: false,
        }
    }

    fn poll_stage(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        match self.stage {
            Stage::Probing(None) => Poll::Ready(Next::End(End::Close(None))),
            Stage::Probing(Some(id)) => self.poll_probe(id, cx),
            Stage::Switching(id) => self.poll_switch(id, cx),
            Stage::Open(_) => self.poll_open(cx).map(Next::End),
        }
    }

    fn poll_probe(&mut self, id: ProbeId, cx: &mut Context<'_>) -> Poll<Next> {
        if !self.is_probing(id, cx) {
            return Poll::Ready(Next::End(End::Close(None)));
        }
        loop {
            self.push_pong();
            let Some(stream) = &mut self.stream else {
                return Poll::Pending;
            };
            if let Poll::Ready(Err(_)) = self.writer.poll_flush(stream, cx) {
                return Poll::Ready(Next::End(End::Silent));
            }
            let mut inbox = ProbeInbox::new(self.connection.protocol(), &mut self.pongs);
            let read = ready!(self.reader.poll_read(stream, &mut inbox, cx));
            let end = match (read, inbox.said) {
                (Read::Stopped, Some(ProbeWord::Probe)) => {
                    self.handle_probe(id);
                    continue;
                }
                (Read::Stopped, Some(ProbeWord::Upgrade)) => {
                    return Poll::Ready(Next::Stage(Stage::Switching(id)));
                }
                (Read::Stopped, Some(ProbeWord::Closed(code))) => End::Reply(code),
                (Read::Taken | Read::Stopped | Read::Blocked, None) => continue,
                (Read::Invalid(error), _) => {
                    refused!(self.connection, "{error}");
                    End::Close(Some(error.code()))
                }
                (Read::End | Read::Failed(_), _) => End::Silent,
                (Read::Taken | Read::Stopped | Read::Blocked, Some(_)) => {
                    refused!(self.connection, "a WebSocket that probes said something else");
                    End::Close(None)
                }
            };
            return Poll::Ready(Next::End(end));
        }
    }

    /// The WebSocket works: the GET that is held, and every one after it, is released.
    fn handle_probe(&mut self, id: ProbeId) {
        // One answer is enough for a client that asks again before it has read it.
        if self.writer.is_empty() {
            self.writer.push(Item::Control(Control::ProbePong));
        }
        self.connection.update(clock::now(), |core, effects| {
            core.session.handle_probed(id);
            core.wake_driver(effects);
        });
    }

    fn is_probing(&self, id: ProbeId, cx: &Context<'_>) -> bool {
        let mut core = self.connection.lock();
        core.register_probe(cx);
        core.session.is_probing(id)
    }

    fn poll_switch(&mut self, id: ProbeId, cx: &mut Context<'_>) -> Poll<Next> {
        let (step, receiver) = self.connection.update(clock::now(), |core, effects| {
            let step = core.session.handle_upgrade(id);
            match step {
                UpgradeStep::Wait => core.register_probe(cx),
                UpgradeStep::Upgraded => {
                    core.dispatching = true;
                    core.wake_driver(effects);
                }
                UpgradeStep::Gone => {}
            }
            (step, core.receiver.clone())
        });
        match (step, receiver) {
            (UpgradeStep::Wait, _) => Poll::Pending,
            (UpgradeStep::Upgraded, Some(receiver)) => Poll::Ready(Next::Stage(Stage::Open(receiver))),
            (UpgradeStep::Upgraded, None) | (UpgradeStep::Gone, _) => {
                Poll::Ready(Next::End(End::Close(None)))
            }
        }
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.connection.set_awake(true);
        match self.read(cx) {
            Some(end) => Poll::Ready(end),
            None => {
                let end = self.poll_write(cx);
                self.look_again(cx);
                end
            }
        }
    }

    /// The receiver may have become ready before there was a waker to tell.
    fn look_again(&self, cx: &mut Context<'_>) {
        if let Stage::Open(receiver) = &self.stage
            && self.blocked
            && receiver.poll_ready(cx).is_ready()
        {
            cx.waker().wake_by_ref();
        }
    }

    /// Takes in what there is, up to a fair share.
    fn read(&mut self, cx: &mut Context<'_>) -> Option<End> {
        let Stage::Open(receiver) = &self.stage else {
            return None;
        };
        self.blocked = false;
        let mut inbox = Inbox::new(&self.connection, receiver, &mut self.pongs);
        for _ in 0..READS {
            let stream = self.stream.as_mut()?;
            let Poll::Ready(read) = self.reader.poll_read(stream, &mut inbox, cx) else {
                return None;
            };
            let (reason, end) = match read {
                Read::Taken => continue,
                Read::Blocked => {
                    self.blocked = true;
                    return None;
                }
                Read::Stopped => match inbox.closed {
                    Some(code) => (CloseReason::TransportClose, End::Reply(code)),
                    None => break,
                },
                Read::End | Read::Failed(_) => (CloseReason::TransportClose, End::Silent),
                Read::Invalid(error) => {
                    refused!(self.connection, "{error}");
                    (CloseReason::TransportError, End::Close(Some(error.code())))
                }
            };
            self.connection.fail(reason);
            return Some(end);
        }
        cx.waker().wake_by_ref();
        None
    }

    /// Writes everything that is queued, and ends when the session has.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            self.push_pong();
            let Some(stream) = &mut self.stream else {
                return Poll::Pending;
            };
            match self.writer.poll_flush(stream, cx) {
                Poll::Pending => return self.rest_blocked(cx),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.connection.fail(CloseReason::TransportClose);
                    return Poll::Ready(End::Silent);
                }
            }
            if let Some(end) = ready!(self.poll_fill(cx)) {
                return Poll::Ready(end);
            }
        }
    }

    /// The next things to write. Pending if there are none, and then whoever queues one wakes the task.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        let mut core = self.connection.lock();
        self.writer.fill(|items| core.outbox.take(items));
        if !self.writer.is_empty() {
            return Poll::Ready(None);
        }
        match core.session.ready_state() {
            ReadyState::Opening | ReadyState::Open => {}
            ReadyState::Closed => return Poll::Ready(Some(End::Close(None))),
            ReadyState::Closing => {
                drop(core);
                self.connection
                    .update(clock::now(), |core, _| core.session.handle_flushed());
                return Poll::Ready(Some(End::Close(None)));
            }
        }
        core.register_driver(cx);
        self.connection.set_awake(false);
        let drained = core.take_drained();
        drop(core);
        self.writer.shrink();
        for waker in drained {
            waker.wake();
        }
        Poll::Pending
    }

    /// The stream doesn't take more. The end of the session must be heard of nevertheless.
    fn rest_blocked(&mut self, cx: &Context<'_>) -> Poll<End> {
        let mut core = self.connection.lock();
        if core.session.closed().is_some() {
            return Poll::Ready(End::Close(None));
        }
        core.register_driver(cx);
        self.connection.set_awake(false);
        Poll::Pending
    }

    fn push_pong(&mut self) {
        if self.writer.is_empty()
            && let Some(pong) = self.pongs.poll_pong()
        {
            self.writer.push(Item::Frame(Box::from(pong.as_slice())));
        }
    }

    /// Says goodbye and lets go of the session.
    #[expect(clippy::disallowed_methods, reason = "a driver")]
    fn end(&mut self, end: &End, cx: &mut Context<'_>) {
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        // What isn't out by now stays behind, except that a frame can't be cut.
        self.writer.truncate();
        let (code, wait) = match end {
            End::Silent => return self.let_go(),
            End::Close(code) => (code, true),
            End::Reply(code) => (code, false),
        };
        let frame = ControlFrame::close(code.map(|code| (code, "")));
        self.writer.push(Item::Frame(Box::from(frame.as_slice())));
        let written = self.writer.poll_flush(&mut stream, cx).is_ready();
        self.let_go();
        let reader = std::mem::replace(&mut self.reader, Reader::new(&[], 0));
        let writer = std::mem::replace(&mut self.writer, Writer::new(self.connection.protocol(), false));
        if wait || !written {
            tokio::spawn(linger(stream, writer, reader));
        } else if Pin::new(&mut stream).poll_shutdown(cx).is_pending() {
            tokio::spawn(async move { tokio::io::AsyncWriteExt::shutdown(&mut stream).await });
        }
    }

    /// The session goes on without this WebSocket, or has ended with it.
    fn let_go(&mut self) {
        match self.stage {
            Stage::Probing(None) => {}
            Stage::Probing(Some(id)) | Stage::Switching(id) => {
                self.connection
                    .update(clock::now(), |core, _| core.session.handle_probe_lost(id));
            }
            Stage::Open(_) => {
                self.stage = Stage::Probing(None);
                self.connection.end_dispatch();
            }
        }
    }
}

impl<S: Stream> Future for Driver<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let driver = self.get_mut();
        loop {
            match ready!(driver.poll_stage(cx)) {
                Next::Stage(stage) => driver.stage = stage,
                Next::End(end) => {
                    driver.end(&end, cx);
                    return Poll::Ready(());
                }
            }
        }
    }
}

impl<S: Stream> Drop for Driver<S> {
    /// However the task ends, a panic and the end of the runtime included, the session doesn't outlive it.
    fn drop(&mut self) {
        if self.stream.is_some() {
            if let Stage::Open(_) = &self.stage {
                self.connection.fail(CloseReason::TransportClose);
            }
            self.let_go();
        }
    }
}
