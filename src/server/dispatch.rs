//! Starts handlers: in the order in which their events came, inline, and in a task of their own only when they wait.
//!
//! The traits are what `handler` implements for user functions; here they are stored and run.

use std::{
    cell::Cell,
    error::Error,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use crate::{
    engine::Cork,
    foreign::{self, Inside},
    packet::{ArgError, Args},
    server::{
        AckSender, ConnectError, DisconnectReason, Event, EventError, HandlerError, Socket, SocketIo,
        error::HandlerErrorKind, in_flight::Flight, trace,
    },
};

/// An extractor's refusal that came out of a run, because the extraction happens in there.
#[derive(Debug)]
pub(crate) struct Rejected(BoxError);

impl Rejected {
    pub(crate) fn new(refusal: impl Into<BoxError>) -> Self {
        Self(refusal.into())
    }

    pub(super) fn into_inner(self) -> BoxError {
        self.0
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Rejected {}

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A handler under way. The error goes to the namespace's `on_error`.
pub(crate) type Run = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// A user's function that hears an event.
pub(crate) trait EventListener: Send + Sync + 'static {
    /// Extracts the arguments and makes the future, without polling it. The error is an extractor's refusal.
    fn call(&self, parts: &mut EventParts<'_>) -> Result<Run, BoxError>;
}

/// Whether an event may go on, and as which one if not as it came.
pub(crate) type Passage = Pin<Box<dyn Future<Output = Result<Option<Event>, EventError>> + Send>>;

/// A user's function that events have to pass.
pub(crate) trait PacketMiddleware: Send + Sync + 'static {
    /// Extracts the arguments and makes the future, without polling it. The error is an extractor's refusal.
    fn call(&self, parts: &mut EventParts<'_>) -> Result<Passage, BoxError>;
}

/// A user's function that hears of a new socket. Extraction happens inside of the future.
pub(crate) trait ConnectListener: Send + Sync + 'static {
    fn call(&self, socket: Socket) -> Run;
}

/// A user's function that may refuse a new socket.
pub(crate) trait Middleware: Send + Sync + 'static {
    fn call(&self, socket: Socket) -> Pin<Box<dyn Future<Output = Result<(), ConnectError>> + Send>>;
}

/// A user's function that hears of a leaving socket.
pub(crate) trait DisconnectListener: Send + Sync + 'static {
    fn call(&self, parts: &mut DisconnectParts<'_>) -> Result<Run, BoxError>;
}

/// A user's function that hears what went wrong.
pub(crate) trait ErrorListener: Send + Sync + 'static {
    fn call(&self, socket: Socket, error: HandlerError) -> Run;
}

/// An event on its way to one handler: what [`FromEvent`](crate::extract::FromEvent) reads.
///
/// Arguments are read through a cursor: each call of [`next_arg`](Self::next_arg) takes the next one.
#[derive(Debug)]
pub struct EventParts<'a> {
    socket: &'a Socket,
    event: &'a str,
    args: Args<'a>,
    ack: &'a mut Option<u64>,
}

impl<'a> EventParts<'a> {
    pub(crate) const fn new(
        socket: &'a Socket,
        event: &'a str,
        args: Args<'a>,
        ack: &'a mut Option<u64>,
    ) -> Self {
        Self {
            socket,
            event,
            args,
            ack,
        }
    }

    /// The socket that received the event.
    #[must_use]
    pub const fn socket(&self) -> &'a Socket {
        self.socket
    }

    /// The name of the event.
    #[must_use]
    pub const fn event(&self) -> &'a str {
        self.event
    }

    /// How many arguments are left.
    #[must_use]
    pub fn args_left(&self) -> usize {
        self.args.len()
    }

    /// Takes the next argument.
    ///
    /// # Errors
    ///
    /// The argument is missing (and `T` doesn't accept JSON null), or is no `T`.
    pub fn next_arg<T: DeserializeOwned>(&mut self) -> Result<T, ArgError> {
        self.args.next()
    }

    /// Takes all arguments that are left.
    ///
    /// # Errors
    ///
    /// One of them is no `T`.
    pub fn rest<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, ArgError> {
        self.args.rest()
    }

    /// Takes the client's callback: the first who asks gets it, `None` where the client asked for no acknowledgement.
    pub fn take_ack(&mut self) -> Option<AckSender> {
        self.ack.take().map(|id| AckSender::new(self.socket.clone(), id))
    }
}

/// A disconnection on its way to one handler: what [`FromDisconnect`](crate::extract::FromDisconnect) reads.
#[derive(Debug)]
pub struct DisconnectParts<'a> {
    socket: &'a Socket,
    reason: DisconnectReason,
}

impl<'a> DisconnectParts<'a> {
    pub(crate) const fn new(socket: &'a Socket, reason: DisconnectReason) -> Self {
        Self { socket, reason }
    }

    /// The socket that leaves.
    #[must_use]
    pub const fn socket(&self) -> &'a Socket {
        self.socket
    }

    /// Why it leaves.
    #[must_use]
    pub const fn reason(&self) -> DisconnectReason {
        self.reason
    }
}

/// Makes a run out of a listener, in a span that says what `kind` of handler it is; what it refuses, or a panic, is reported.
pub(super) fn prepare(
    socket: &Socket,
    kind: &'static str,
    event: Option<&str>,
    call: impl FnOnce() -> Result<Run, BoxError>,
) -> Option<Run> {
    let span = trace::handler(socket, kind, event);
    let error = match foreign::call(|| span.in_scope(call)) {
        Ok(Ok(run)) => return Some(trace::within(span, run)),
        Ok(Err(refusal)) => HandlerError::new(event, HandlerErrorKind::Rejected, refusal),
        Err(panicked) => HandlerError::new(event, HandlerErrorKind::Panicked, panicked),
    };
    socket.report(&error);
    None
}

/// Polls the run once. What is left of it, if it waits, is given back: its waker is a no-op, so it has to be polled again.
pub(super) fn start(socket: &Socket, event: Option<&str>, mut run: Run) -> Option<Run> {
    let polled = foreign::call(|| run.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    if matches!(polled, Ok(Poll::Pending)) {
        return Some(run);
    }
    // A future that panicked in its poll may panic again in its drop.
    foreign::dispose(run);
    match polled {
        Ok(Poll::Pending | Poll::Ready(Ok(()))) => {}
        Ok(Poll::Ready(Err(error))) => {
            socket.report(&HandlerError::of_run(event, error));
        }
        Err(panicked) => {
            socket.report(&HandlerError::new(event, HandlerErrorKind::Panicked, panicked));
        }
    }
    None
}

/// Polls the run to its end. A leave that begins while it is polled waits for that.
pub(super) async fn finish(socket: &Socket, event: Option<&str>, run: Run) {
    let mut rest = Some(run);
    poll_fn(|cx| {
        let Some(run) = rest.as_mut() else {
            return Poll::Ready(());
        };
        let _cork = Cork::new();
        let _start = socket.begin_start();
        let error = match foreign::call(|| run.as_mut().poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => None,
            Ok(Poll::Ready(Err(error))) => Some(HandlerError::of_run(event, error)),
            Err(panicked) => Some(HandlerError::new(event, HandlerErrorKind::Panicked, panicked)),
        };
        foreign::dispose(rest.take());
        if let Some(error) = error {
            socket.report(&error);
        }
        Poll::Ready(())
    })
    .await;
}

/// Starts the run inline and moves it to a task of its own if it waits.
pub(super) fn start_or_spawn(socket: &Socket, run: Run) {
    if let Some(rest) = start(socket, None, run) {
        move_out(socket, None, rest);
    }
}

/// Moves what is left of a run that waits to a task of its own.
pub(super) fn move_out(socket: &Socket, event: Option<&str>, rest: Run) {
    let (socket, event) = (socket.clone(), event.map(Box::<str>::from));
    let io = socket.io().clone();
    let flight = match event {
        Some(_) => Flight::of_event(&socket),
        None => Flight::of_other(&socket),
    };
    spawn(&io, async move {
        finish(&socket, event.as_deref(), rest).await;
        drop(flight);
    });
}

thread_local! {
    /// An `on_error` handler is being polled by this thread.
    static REPORTING: Cell<bool> = const { Cell::new(false) };
}

pub(super) fn is_reporting() -> bool {
    REPORTING.get()
}

/// Runs an `on_error` handler. What goes wrong on this thread while it is polled is only logged.
pub(super) fn report(socket: &Socket, listener: &dyn ErrorListener, error: HandlerError) {
    let called = foreign::call(|| {
        let _reporting = Inside::enter(&REPORTING);
        listener.call(socket.clone(), error)
    });
    let Ok(mut run) = called else {
        return crate::log::error!("an on_error handler panicked");
    };
    let reporting: Run = Box::pin(poll_fn(move |cx| {
        let _reporting = Inside::enter(&REPORTING);
        match foreign::call(|| run.as_mut().poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => {}
            Ok(Poll::Ready(Err(error))) => crate::log::warn!(error, "an on_error handler failed"),
            Err(_) => crate::log::error!("an on_error handler panicked"),
        }
        Poll::Ready(Ok(()))
    }));
    start_or_spawn(socket, reporting);
}

/// Starts a task. Any thread may use sockets, in a runtime or not: their tasks go to one that connections live in, see [`Runtimes`].
///
/// [`Runtimes`]: crate::server::runtimes::Runtimes
pub(super) fn spawn(io: &SocketIo, future: impl Future<Output = ()> + Send + 'static) {
    match runtime(io) {
        Some(runtime) => drop(runtime.spawn(future)),
        None => no_runtime(),
    }
}

/// Where a task is to run.
pub(super) fn runtime(io: &SocketIo) -> Option<Handle> {
    io.runtimes().choose()
}

#[cold]
pub(super) fn no_runtime() {
    crate::log::error!("a handler that waits needs a tokio runtime, and there is none: it is given up");
}
