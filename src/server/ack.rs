//! Acknowledgements, both ways.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, Sleep},
};

use crate::{
    ServerId, SocketId,
    adapter::{AdapterError, Answer, Payload, Waiting},
    engine::{Cork, Stopwatch},
    foreign,
    packet::KeptBody,
    server::{
        AckError, BroadcastAckError, EmitError, HandlerError, Socket, emit, error::HandlerErrorKind,
        pending_acks::Reply,
    },
};

/// Answers a client's acknowledgement callback later, or from another task.
///
/// Take it as an argument of a handler. Where the answer is known when the handler returns, return
/// [`Ack`](crate::Ack) instead. Dropping it answers nothing: the client's callback then never runs, or times out.
///
/// A handler that takes it runs only for events that want an answer; one that takes `Option<AckSender>` runs for all.
#[derive(Debug)]
#[must_use = "the client waits for an answer"]
pub struct AckSender {
    socket: Socket,
    id: u64,
}

impl AckSender {
    pub(crate) const fn new(socket: Socket, id: u64) -> Self {
        Self { socket, id }
    }

    /// Answers. A tuple is several arguments, anything else is one, `()` is none.
    ///
    /// If the client has left, nothing happens. What can't be serialised is reported to `on_error`.
    pub fn send<A: Serialize>(self, args: A) {
        let socket = self.socket.clone();
        if let Err(error) = self.try_send(args)
            && !error.is_closed()
        {
            socket.report(&HandlerError::new(None, HandlerErrorKind::Emit, error));
        }
    }

    /// [`send`](Self::send) that says when nothing was sent.
    ///
    /// # Errors
    ///
    /// The socket has disconnected, its outbox is full, or the arguments can't be serialised.
    pub fn try_send<A: Serialize>(self, args: A) -> Result<(), EmitError> {
        if !self.socket.is_reachable() {
            return Err(EmitError::closed());
        }
        let (home, connection) = (self.socket.home(), self.socket.connection());
        let outgoing = emit::ack(home.parser(), connection, home.name(), self.id, &args)?;
        Ok(connection.send_if(outgoing, || self.socket.is_reachable())?)
    }
}

/// The acknowledgement of one event, once it comes.
///
/// The event was sent when this was made, whether or not it is awaited. It always resolves: with the value, or with an
/// [`AckError`] when the time is up or the client has left. Dropping it forgets the acknowledgement.
///
/// `T` is what the client passed to its callback: a tuple takes several arguments, `()` none, anything else the first.
#[must_use = "futures do nothing unless awaited; to send without an acknowledgement use `emit`"]
pub struct AckFuture<T> {
    state: State,
    value: PhantomData<fn() -> T>,
}

enum State {
    Failed(Option<AckError>),
    Waiting {
        socket: Socket,
        id: u64,
        reply: oneshot::Receiver<KeptBody>,
        deadline: Deadline,
        asked: Stopwatch,
    },
}

impl<T> AckFuture<T> {
    pub(super) const fn failed(error: AckError) -> Self {
        Self {
            state: State::Failed(Some(error)),
            value: PhantomData,
        }
    }

    pub(super) fn waiting(
        socket: Socket,
        id: u64,
        reply: oneshot::Receiver<KeptBody>,
        timeout: Duration,
    ) -> Self {
        Self {
            state: State::Waiting {
                socket,
                id,
                reply,
                deadline: Deadline::after(timeout),
                asked: Stopwatch::start(),
            },
            value: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Future for AckFuture<T> {
    type Output = Result<T, AckError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match &mut self.state {
            State::Failed(error) => Err(error.take().unwrap_or_else(AckError::disconnected)),
            State::Waiting {
                reply,
                deadline,
                socket,
                asked,
                ..
            } => match Pin::new(reply).poll(cx) {
                Poll::Ready(Ok(ack)) => {
                    socket.io().engine().instruments().acknowledged(*asked);
                    read(&ack)
                }
                Poll::Ready(Err(_)) => Err(AckError::disconnected()),
                Poll::Pending => {
                    // The event may be held back, and whoever waits may block this thread.
                    socket.connection().flush();
                    ready!(deadline.poll(cx));
                    Err(AckError::timeout())
                }
            },
        };
        Poll::Ready(outcome)
    }
}

impl<T> Drop for AckFuture<T> {
    fn drop(&mut self) {
        if let State::Waiting { socket, id, .. } = &self.state {
            foreign::step(|| drop(socket.acks().remove(*id)));
        }
    }
}

impl<T> fmt::Debug for AckFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckFuture").finish_non_exhaustive()
    }
}

/// The acknowledgements of a broadcast, in the order in which they come.
///
/// Each item names the socket that answered. The stream ends when every recipient has answered or left; when the time is
/// up before that, its last item is an [`AckError`] for which [`is_timeout`](AckError::is_timeout) holds. Where other servers could
/// not be asked, or not be heard any more because this one closes, they are not waited for, and the last item is one for which
/// [`is_adapter`](AckError::is_adapter) holds. An answer that is no `T` is an error item of its own.
///
/// As a handle of the namespace does, it keeps a [dynamic one](crate::SocketIo::of_matching) from ending.
#[must_use = "streams do nothing unless polled; to send without acknowledgements use `emit`"]
pub struct AckStream<T> {
    failed: Option<AckError>,
    recipients: Arc<[Socket]>,
    id: u64,
    replies: mpsc::UnboundedReceiver<Reply>,
    deadline: Deadline,
    asked: Stopwatch,
    /// What the clients of other servers answer.
    remote: Option<Box<Remote>>,
    /// Those can't answer any more: their servers could not be asked, or are not heard.
    unheard: Option<AckError>,
    /// The event may be held back by the thread that sent it.
    held_back: bool,
    done: bool,
    value: PhantomData<fn() -> T>,
}

struct Remote {
    waiting: Waiting,
    /// The namespace: with its end here, what is waited for in it would be given up.
    _kept: Arc<dyn Send + Sync>,
}

impl<T> AckStream<T> {
    pub(super) fn new(
        recipients: Vec<Socket>,
        id: u64,
        replies: mpsc::UnboundedReceiver<Reply>,
        timeout: Duration,
    ) -> Self {
        let recipients = recipients.into();
        Self {
            failed: None,
            recipients,
            id,
            replies,
            deadline: Deadline::after(timeout),
            asked: Stopwatch::start(),
            remote: None,
            unheard: None,
            held_back: Cork::is_in(),
            done: false,
            value: PhantomData,
        }
    }

    /// Waits for the clients of other servers too, all for this long, and keeps the namespace until then; unless those could not be asked,
    /// which is said when the clients of this server have answered.
    pub(super) fn with_remote(
        mut self,
        waiting: Waiting,
        kept: Arc<dyn Send + Sync>,
        timeout: Duration,
        asked: Result<(), AdapterError>,
    ) -> Self {
        self.remote = Some(Box::new(Remote { waiting, _kept: kept }));
        self.unheard = asked.err().map(AckError::adapter);
        self.deadline = Deadline::after(timeout);
        self
    }

    /// The answers of this server's clients, unread.
    pub(super) async fn next_local(&mut self) -> Option<Reply> {
        self.replies.recv().await
    }

    pub(super) fn failed(error: EmitError) -> Self {
        let (_, replies) = mpsc::unbounded_channel();
        Self::new(Vec::new(), 0, replies, Duration::ZERO).with_result(Err(error))
    }

    /// Begins, and ends, with the error if there is one. Whoever was asked all the same owes an answer until this is dropped.
    pub(super) fn with_result(mut self, sent: Result<(), EmitError>) -> Self {
        self.failed = sent.err().map(AckError::from);
        self
    }

    /// Whoever waits may block the thread that holds the event back.
    fn flush(&mut self) {
        if std::mem::take(&mut self.held_back) {
            Cork::flush(self.recipients.iter().map(|socket| socket.connection().clone()));
        }
    }

    /// The other servers whose clients may still answer, or, at the end, have not; sorted.
    #[must_use]
    pub fn missing_servers(&self) -> Vec<ServerId> {
        self.remote
            .as_ref()
            .map(|remote| remote.waiting.missing().servers)
            .unwrap_or_default()
    }

    /// The next answer of another server's client. What answers something else than was asked is left out.
    fn poll_remote(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Option<SocketId>, Payload)>> {
        let Some(remote) = self.remote.as_mut().filter(|_| self.unheard.is_none()) else {
            return Poll::Ready(None);
        };
        loop {
            match ready!(remote.waiting.poll_answer(cx)) {
                Some(Ok(Answer::Client(socket, packet))) => return Poll::Ready(Some((socket, packet))),
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.unheard = Some(AckError::adapter(error));
                    return Poll::Ready(None);
                }
                None => return Poll::Ready(None),
            }
        }
    }

    /// How many sockets of this server were asked.
    #[must_use]
    pub fn recipients(&self) -> usize {
        self.recipients.len()
    }
}

impl<T: DeserializeOwned> AckStream<T> {
    /// Waits for all replies.
    ///
    /// # Errors
    ///
    /// Some client did not answer in time, other servers could not be asked or not be heard any more, or some answer was no `T`. The error
    /// keeps the replies that came. Clients that left meanwhile are no error.
    pub async fn collect_all(mut self) -> Result<Vec<T>, BroadcastAckError<T>> {
        let (mut replies, mut failed) = (Vec::new(), None);
        while let Some(reply) = std::future::poll_fn(|cx| Pin::new(&mut self).poll_next(cx)).await {
            match reply {
                Ok((_, reply)) => replies.push(reply),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            None => Ok(replies),
            Some(error) => Err(BroadcastAckError::new(replies, error, self.missing_servers())),
        }
    }
}

impl<T: DeserializeOwned> Stream for AckStream<T> {
    type Item = Result<(SocketId, T), AckError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(error) = self.failed.take() {
            self.done = true;
            return Poll::Ready(Some(Err(error)));
        }
        if self.done {
            return Poll::Ready(None);
        }
        let local = self.replies.poll_recv(cx);
        if let Poll::Ready(Some((id, ack))) = local {
            if let Some(socket) = self.recipients.first() {
                socket.io().engine().instruments().acknowledged(self.asked);
            }
            return Poll::Ready(Some(read(&ack).map(|value| (id, value))));
        }
        let remote = self.poll_remote(cx);
        if let Poll::Ready(Some((socket, packet))) = remote {
            let id = socket.unwrap_or_else(|| SocketId::from(""));
            return Poll::Ready(Some(
                packet.read().map(|value| (id, value)).map_err(AckError::from),
            ));
        }
        match (local, remote) {
            (Poll::Ready(None), Poll::Ready(None)) => {
                self.done = true;
                Poll::Ready(self.unheard.take().map(Err))
            }
            _ => {
                self.flush();
                ready!(self.deadline.poll(cx));
                self.done = true;
                Poll::Ready(Some(Err(AckError::timeout())))
            }
        }
    }
}

impl<T> Drop for AckStream<T> {
    fn drop(&mut self) {
        for socket in &*self.recipients {
            foreign::step(|| drop(socket.acks().remove(self.id)));
        }
    }
}

impl<T> fmt::Debug for AckStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckStream")
            .field("recipients", &self.recipients.len())
            .finish_non_exhaustive()
    }
}

fn read<T: DeserializeOwned>(ack: &KeptBody) -> Result<T, AckError> {
    let args = ack.as_body().ack().map_err(|_| AckError::disconnected())?;
    Ok(args.all_as()?)
}

/// A moment to give up at. The timer is set by the first poll, so that any thread may send and only the one that waits
/// needs a runtime.
struct Deadline {
    at: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    #[expect(
        clippy::disallowed_methods,
        reason = "the wait for a peer is what the user asked for"
    )]
    fn after(timeout: Duration) -> Self {
        let now = Instant::now();
        // Further away than a clock can say is never.
        let at = now
            .checked_add(timeout)
            .unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()));
        Self { at, sleep: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let at = self.at;
        self.sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)))
            .as_mut()
            .poll(cx)
    }
}
