//! The task of one WebSocket.

mod probe;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tracing::Span;

use super::{
    inbox::Inbox,
    io::{self, Stream},
    linger::{linger, shut_down},
    reader::{Read, Reader},
    writer::Writer,
};
use crate::{
    engine::{
        CloseReason, Connection, Cork, Limit, ReadyState, Receiver, clock, deflate::Deflate, outbox::Item,
        refused, session::ProbeId, turn,
    },
    foreign,
    websocket::{Agreement, CloseCode, ControlFrame, ProtocolError},
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
    stage: Stage,
}

enum Stage {
    Trial(Trial),
    /// It is this driver that calls the receiver, and nobody else.
    Open(Arc<dyn Receiver>),
}

/// The stage of a WebSocket that isn't the transport.
#[derive(Clone, Copy)]
struct Trial {
    /// `None` if it has been refused, or has let go of the session.
    id: Option<ProbeId>,
    /// The client has asked for the switch.
    switching: bool,
    /// The client can't read binary frames.
    b64: bool,
}

/// What comes after a stage.
enum Next {
    Stage(Stage),
    End(End),
}

/// How reading went, unless the WebSocket has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// Everything there was has been taken in, or the task will be back for the rest.
    Done,
    /// The receiver doesn't want the next message yet.
    Blocked,
}

/// How a WebSocket ends.
#[derive(Debug)]
enum End {
    /// There is nobody to say anything to, or it can't be said any more.
    Silent,
    /// We close first, and wait for the client's close frame.
    Close(Option<CloseCode>),
    /// The same, after everything that was queued has been written. Whoever closes the engine waits for it, too: before the client's close
    /// frame is here, nobody knows whether it has read that.
    Flushed,
    /// The client closed, and gets its answer.
    Reply(Option<CloseCode>),
}

impl<S: Stream> Driver<S> {
    /// The driver of a session that begins on a WebSocket.
    pub(super) fn open(
        stream: S,
        early: &[u8],
        connection: Connection,
        b64: bool,
        deflate: Option<Agreement>,
    ) -> Self {
        let mut core = connection.lock();
        core.b64 = b64;
        let receiver = core.receiver.clone();
        drop(core);
        let receiver = receiver.expect("invariant: the receiver stays until its driver ends");
        Self::new(stream, early, connection, deflate, Stage::Open(receiver))
    }

    /// The driver of a WebSocket that may become the transport of a session that polls.
    pub(super) fn probe(
        stream: S,
        early: &[u8],
        connection: Connection,
        b64: bool,
        deflate: Option<Agreement>,
        id: Option<ProbeId>,
    ) -> Self {
        let trial = Trial {
            id,
            switching: false,
            b64,
        };
        Self::new(stream, early, connection, deflate, Stage::Trial(trial))
    }

    fn new(
        stream: S,
        early: &[u8],
        connection: Connection,
        deflate: Option<Agreement>,
        stage: Stage,
    ) -> Self {
        let limit = connection.shared().config.max_http_buffer_size;
        let (reader, writer) = (Reader::new(early, limit, deflate), Writer::new());
        Self {
            stream: Some(stream),
            connection,
            reader,
            writer,
            stage,
        }
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The span of the session, see [`Connection::span`].
    pub(super) fn span(&self) -> Span {
        self.connection.span()
    }

    fn poll_stage(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        match self.stage {
            Stage::Trial(trial) => self.poll_trial(trial, cx),
            Stage::Open(_) => self.poll_open(cx).map(Next::End),
        }
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.connection.set_awake(true);
        // Until the replies are out: what was sent to others meanwhile is written after them.
        let _cork = Cork::new();
        match self.read(cx) {
            Err(end) => Poll::Ready(end),
            Ok(rest) => {
                let end = self.poll_write(cx);
                if rest == Rest::Blocked {
                    self.connection.set_blocked();
                    self.look_again(cx);
                }
                end
            }
        }
    }

    /// The receiver may have become ready before there was a waker to tell.
    fn look_again(&self, cx: &mut Context<'_>) {
        if let Stage::Open(receiver) = &self.stage
            && receiver.poll_ready(cx).is_ready()
        {
            cx.waker().wake_by_ref();
        }
    }

    /// Takes in what there is, up to a fair share.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<Rest, End> {
        let (Stage::Open(receiver), Some(stream)) = (&self.stage, &mut self.stream) else {
            return Ok(Rest::Done);
        };
        let mut inbox = Inbox::new(&self.connection, &**receiver);
        for _ in 0..READS {
            let Poll::Ready(read) = self.reader.poll_read(stream, &mut inbox, cx) else {
                return Ok(Rest::Done);
            };
            let (reason, end) = match read {
                Read::Taken => continue,
                Read::Blocked => return Ok(Rest::Blocked),
                Read::Stopped => match inbox.closed {
                    Some(code) => (CloseReason::TransportClose, End::Reply(code)),
                    None => break,
                },
                Read::End => (CloseReason::TransportClose, End::Silent),
                Read::Invalid(error) => {
                    refused!(self.connection, "{error}");
                    if error == ProtocolError::MessageTooBig {
                        let max = self.connection.shared().config.max_http_buffer_size;
                        self.connection.limit_exceeded(Limit::HttpBufferSize, max, None);
                    }
                    (CloseReason::TransportError, End::Close(Some(error.code())))
                }
            };
            self.connection.fail(reason);
            return Err(end);
        }
        turn::end(cx);
        Ok(Rest::Done)
    }

    /// Writes everything that is queued, and ends when the session has.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let Some(stream) = &mut self.stream else {
                return Poll::Pending;
            };
            match self.writer.poll_flush(stream, self.connection.protocol(), cx) {
                Poll::Pending => return self.rest_blocked(cx),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.connection.fail(CloseReason::TransportClose);
                    return Poll::Ready(End::Silent);
                }
            }
            // Not before the flush: the ping may have come while that was blocked.
            if self.push_pong() {
                continue;
            }
            if let Some(end) = ready!(self.poll_fill(cx)) {
                return Poll::Ready(end);
            }
        }
    }

    /// The next things to write. Pending if there are none, and then whoever queues one wakes the task.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        let mut core = self.connection.lock();
        let (queued, is_held) = (core.outbox.queued(), core.is_held());
        if is_held {
            core.outbox.has_been_written();
        } else {
            self.writer.fill(&mut core.outbox);
        }
        if !self.writer.is_empty() {
            let (b64, direct) = (core.b64, core.direct.take());
            drop(core);
            if let (Some(direct), Some(stream)) = (direct, &mut self.stream) {
                io::take_back(stream, direct);
            }
            self.connection.shared().instruments.flushed(queued);
            self.writer.start(self.connection.protocol(), b64, self.deflate());
            return Poll::Ready(None);
        }
        match core.session.ready_state() {
            ReadyState::Opening | ReadyState::Open => {}
            ReadyState::Closed => return Poll::Ready(Some(End::Close(None))),
            ReadyState::Closing => {
                drop(core);
                self.connection
                    .update(clock::now(), |core, _| core.session.handle_flushed());
                return Poll::Ready(Some(End::Flushed));
            }
        }
        let displaced = core.register_driver(cx);
        self.connection.set_awake(false);
        // What is compressed is written here: nobody else's reply has to wait for it.
        if core.direct.is_none() && self.reader.agreement().is_none() {
            core.direct = self.stream.as_mut().and_then(io::lend);
        }
        // Who waits for nothing any more isn't told when it is let go.
        let waits = is_held && !core.outbox.is_empty();
        let drained = if waits { None } else { core.take_drained() };
        drop(core);
        drop(displaced);
        self.writer.shrink();
        foreign::wake(drained.into_iter().flatten());
        Poll::Pending
    }

    /// How to compress, if that was agreed on.
    fn deflate(&self) -> Option<Deflate> {
        let agreement = self.reader.agreement()?;
        let options = self.connection.shared().config.deflate.as_ref()?;
        Some(options.deflate(agreement))
    }

    /// The stream doesn't take more. The end of the session must be heard of nevertheless.
    fn rest_blocked(&mut self, cx: &Context<'_>) -> Poll<End> {
        let mut core = self.connection.lock();
        if core.session.closed().is_some() {
            return Poll::Ready(End::Close(None));
        }
        let displaced = core.register_driver(cx);
        self.connection.set_awake(false);
        drop(core);
        drop(displaced);
        Poll::Pending
    }

    /// Answers the client's ping, if it has sent one and nothing is being written.
    fn push_pong(&mut self) -> bool {
        if self.writer.is_empty()
            && let Some(pong) = self.reader.poll_pong()
        {
            self.take_back();
            self.take_begun();
            self.writer.push(Item::Frame(Arc::from(pong.as_slice())));
            return true;
        }
        false
    }

    /// Takes over a frame that others have begun to write: nothing may come between its bytes.
    fn take_begun(&mut self) {
        if let Stage::Open(_) = &self.stage
            && self.writer.is_empty()
        {
            let mut core = self.connection.lock();
            if core.outbox.has_begun() {
                let queued = core.outbox.queued();
                self.writer.fill_begun(&mut core.outbox);
                let taken = queued - core.outbox.queued();
                drop(core);
                self.connection.shared().instruments.flushed(taken);
                self.writer.start(self.connection.protocol(), false, None);
            }
        }
    }

    /// Takes back the writing half, which others have while there is nothing to write here. A WebSocket on trial has lent none.
    fn take_back(&mut self) {
        if let (Stage::Open(_), Some(stream)) = (&self.stage, &mut self.stream)
            && let Some(direct) = self.connection.lock().direct.take()
        {
            io::take_back(stream, direct);
        }
    }

    /// Says goodbye and lets go of the session.
    #[expect(clippy::disallowed_methods, reason = "a driver")]
    fn end(&mut self, end: &End, cx: &mut Context<'_>) {
        self.take_back();
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        // What isn't out by now stays behind, except that a frame can't be cut.
        self.take_begun();
        self.writer.truncate();
        let (code, wait, ending) = match end {
            End::Silent => return self.let_go(),
            End::Close(code) => (code, true, None),
            // Before it is let go of, which may have been the last.
            End::Flushed => (&None, true, Some(self.connection.shared().registry.ending())),
            End::Reply(code) => (code, false, None),
        };
        let protocol = self.connection.protocol();
        let frame = ControlFrame::close(code.map(|code| (code, "")));
        self.writer.push(Item::Frame(Arc::from(frame.as_slice())));
        let written = self.writer.poll_flush(&mut stream, protocol, cx).is_ready();
        self.let_go();
        let reader = std::mem::replace(&mut self.reader, Reader::new(&[], 0, None));
        let writer = std::mem::replace(&mut self.writer, Writer::new());
        if wait || !written {
            tokio::spawn(async move {
                linger(stream, writer, reader, protocol).await;
                drop(ending);
            });
        } else if Pin::new(&mut stream).poll_shutdown(cx).is_pending() {
            tokio::spawn(shut_down(stream));
        }
    }

    /// The session goes on without this WebSocket, or has ended with it.
    fn let_go(&mut self) {
        let gone = Trial {
            id: None,
            switching: false,
            b64: false,
        };
        match std::mem::replace(&mut self.stage, Stage::Trial(gone)) {
            Stage::Open(_) => self.connection.end_dispatch(),
            Stage::Trial(Trial { id: Some(id), .. }) => {
                self.connection.shared().instruments.upgrade_failed();
                self.connection
                    .update(clock::now(), |core, _| core.session.handle_probe_lost(id));
            }
            Stage::Trial(Trial { id: None, .. }) => {}
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
