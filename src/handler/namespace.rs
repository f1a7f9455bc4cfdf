//! Registering handlers with a namespace: stored once, for every socket of it.

use crate::{
    handler::{
        ConnectHandler, DisconnectHandler, ErrorHandler, EventHandler, MiddlewareHandler,
        PacketMiddlewareHandler, connect, disconnect, error, event as events, middleware, packet_middleware,
        reserved,
    },
    server::Namespace,
};

/// Handlers.
///
/// Each method adds one and gives the namespace back for the next. A handler reads the state that the namespace has at
/// this moment, see `with_state`. Handlers added later also serve the sockets that are connected already.
///
/// See the [`handler`](crate::handler) module for what can be a handler.
impl<S: Clone + Send + Sync + 'static> Namespace<S> {
    /// Calls `handler` for every `event` that a socket of this namespace receives.
    ///
    /// An event can have several handlers. They start in the order they were added, before the handlers that a socket
    /// has [of its own](crate::Socket::on). Events of one socket start in the order they arrive.
    ///
    /// No client can send `connect`, `connect_error`, `disconnect`, `disconnecting`, `newListener` or
    /// `removeListener`, the reserved names of the Socket.IO protocol. A listener for one of them never runs, which is
    /// traced as a warning; so is `connection`, the name that Node's servers give to [`on_connect`](Self::on_connect).
    ///
    /// ```
    /// use axum_socketio::{Ack, Socket, SocketIo, extract::Data};
    ///
    /// let io = SocketIo::new();
    /// io.of("/")
    ///     // socket.emit("ping", "hello", (echo) => …)
    ///     .on("ping", async |Data(text): Data<String>| Ack(text))
    ///     // socket.emit("rename", "old name", "new name")
    ///     .on("rename", async |socket: Socket, Data(old): Data<String>, Data(new): Data<String>| {
    ///         println!("{old} is {new} now ({socket:?})");
    ///     });
    /// ```
    pub fn on<H, T>(self, event: impl AsRef<str>, handler: H) -> Self
    where
        H: EventHandler<T, S>,
        T: 'static,
    {
        reserved::warn_of(event.as_ref());
        self.registry()
            .add_event(event.as_ref(), events::erase(handler, self.state().clone()));
        self
    }

    /// Calls `handler` for every event, whatever its name, before the handlers of that name.
    ///
    /// [`EventName`](crate::extract::EventName) says which it is. A handler that returns an [`Ack`](crate::Ack)
    /// answers every event, so no other handler can.
    ///
    /// ```
    /// use axum_socketio::{SocketIo, Value, extract::{EventName, Rest}};
    ///
    /// let io = SocketIo::new();
    /// // The crate's `Value`: that of `serde_json` can't hold what is binary.
    /// io.of("/").on_any(async |EventName(event): EventName, Rest(args): Rest<Value>| {
    ///     println!("{event} with {} arguments", args.len());
    /// });
    /// ```
    #[doc(alias = "onAny")]
    pub fn on_any<H, T>(self, handler: H) -> Self
    where
        H: EventHandler<T, S>,
        T: 'static,
    {
        self.registry()
            .add_any(events::erase(handler, self.state().clone()));
        self
    }

    /// Calls `handler` for every new socket, when all middlewares have let it in.
    ///
    /// The extractors are axum's and see the HTTP request that opened the connection. No event of the socket is
    /// dispatched before the handler has finished or waits for something, so listeners that it adds before its first
    /// `.await` hear every event. Nor is the client told before that it is connected, so what it does then finds it in the
    /// rooms that the handler has joined; a handler that keeps its thread keeps its client from hearing anything. An error
    /// goes to [`on_error`](Self::on_error) and the socket stays connected; to refuse a connection use a
    /// [`middleware`](Self::middleware).
    ///
    /// ```
    /// use axum::extract::Query;
    /// use axum_socketio::{Socket, SocketIo};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Params {
    ///     lang: Option<String>,
    /// }
    ///
    /// let io = SocketIo::new();
    /// io.of("/").on_connect(async |socket: Socket, Query(params): Query<Params>| {
    ///     println!("{socket:?} speaks {:?}", params.lang);
    /// });
    /// ```
    #[doc(alias = "connect")]
    #[doc(alias = "connection")]
    #[doc(alias = "initialPacket")]
    pub fn on_connect<H, T>(self, handler: H) -> Self
    where
        H: ConnectHandler<T, S>,
        T: 'static,
    {
        self.registry()
            .add_connect(connect::erase(handler, self.state().clone()));
        self
    }

    /// Asks `handler` whether a new socket may connect.
    ///
    /// Middlewares run one after the other in the order they were added, before the client is answered. The first
    /// that returns an error, or one of whose extractors refuses, ends the connection to this namespace: the client
    /// gets a `connect_error` event.
    ///
    /// Each namespace asks its own, and `/` is one as any other. Only clients of Engine.IO 3 (JS 1.x and 2.x) get into another namespace while they
    /// are connected to `/`, and not before: so those of `/` guard everything for them, as in Socket.IO 2.x.
    ///
    /// ```
    /// use axum::extract::State;
    /// use axum_socketio::{ConnectError, Socket, SocketIo, extract::Auth};
    ///
    /// #[derive(Clone)]
    /// struct Secret(String);
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Credentials {
    ///     token: String,
    /// }
    ///
    /// // io("/admin", { auth: { token: "…" } }) in JS
    /// async fn signed_in(
    ///     State(Secret(secret)): State<Secret>,
    ///     Auth(credentials): Auth<Credentials>,
    /// ) -> Result<(), ConnectError> {
    ///     if credentials.token == secret { Ok(()) } else { Err(ConnectError::new("not signed in")) }
    /// }
    ///
    /// let io = SocketIo::new();
    /// io.of("/admin").with_state(Secret("s3cret".to_owned())).middleware(signed_in);
    /// ```
    #[doc(alias = "use")]
    pub fn middleware<H, T>(self, handler: H) -> Self
    where
        H: MiddlewareHandler<T, S>,
        T: 'static,
    {
        self.registry()
            .add_middleware(middleware::erase(handler, self.state().clone()));
        self
    }

    /// Asks `handler` about every event that a socket of this namespace receives, before the handlers of that event: it lets it pass,
    /// changes it or refuses it. Stored once, for all sockets; [`Socket::middleware`](crate::Socket::middleware) is that of one socket, and
    /// comes after these.
    ///
    /// Middlewares run one after the other in the order they were added. The first that returns an error, or one of whose extractors
    /// refuses, ends it, and no handler hears of the event; who is told depends on the client, see [`EventError`](crate::EventError).
    /// A middleware that takes the [`AckSender`](crate::AckSender) answers in the place of the handlers.
    ///
    /// * Acknowledgements pass no middleware, nor does a disconnection.
    /// * [Catch-all](Self::on_any) handlers hear an event before the middlewares, as in Node, and so also hear those that are refused.
    /// * One that waits doesn't hold up the events behind, as in Node: these may overtake it. In a [sequential](Self::sequential)
    ///   namespace they wait. Middlewares that wait count as handlers do, see
    ///   [`max_events_in_flight`](crate::Builder::max_events_in_flight).
    ///
    /// ```
    /// use axum_socketio::{EventError, SocketIo, extract::{Event, EventName}};
    ///
    /// let io = SocketIo::new();
    /// io.of("/")
    ///     .packet_middleware(async |EventName(event): EventName| {
    ///         if event.starts_with("admin:") { Err(EventError::new("not an admin")) } else { Ok(()) }
    ///     })
    ///     // What it returns is what the handlers hear.
    ///     .packet_middleware(async |mut event: Event| {
    ///         event.args.truncate(3);
    ///         event
    ///     });
    /// ```
    #[doc(alias = "use")]
    pub fn packet_middleware<H, T>(self, handler: H) -> Self
    where
        H: PacketMiddlewareHandler<T, S>,
        T: 'static,
    {
        self.add_packet_middleware(packet_middleware::erase(handler, self.state().clone()));
        self
    }

    /// Calls `handler` for every socket that is about to leave, while it is still in its rooms and
    /// [connected](crate::Socket::is_connected). What is sent to it from now on doesn't reach its client, as from Node's server, which tells the
    /// client before; but where sessions are recovered it is kept for one that has lost its connection.
    ///
    /// ```
    /// use axum_socketio::{DisconnectReason, Socket, SocketIo};
    ///
    /// let io = SocketIo::new();
    /// io.of("/").on_disconnecting(async |socket: Socket, reason: DisconnectReason| {
    ///     println!("{socket:?} leaves: {reason:?}");
    /// });
    /// ```
    #[doc(alias = "disconnecting")]
    pub fn on_disconnecting<H, T>(self, handler: H) -> Self
    where
        H: DisconnectHandler<T, S>,
        T: 'static,
    {
        self.registry()
            .add_disconnecting(disconnect::erase(handler, self.state().clone()));
        self
    }

    /// Calls `handler` for every socket that has left, exactly once for each that was connected.
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
    ///
    /// use axum::extract::State;
    /// use axum_socketio::SocketIo;
    ///
    /// type Online = Arc<AtomicUsize>;
    ///
    /// let io = SocketIo::new();
    /// io.of("/")
    ///     .with_state(Online::default())
    ///     .on_connect(async |State(online): State<Online>| {
    ///         online.fetch_add(1, Ordering::Relaxed);
    ///     })
    ///     .on_disconnect(async |State(online): State<Online>| {
    ///         online.fetch_sub(1, Ordering::Relaxed);
    ///     });
    /// ```
    #[doc(alias = "disconnect")]
    pub fn on_disconnect<H, T>(self, handler: H) -> Self
    where
        H: DisconnectHandler<T, S>,
        T: 'static,
    {
        self.registry()
            .add_disconnect(disconnect::erase(handler, self.state().clone()));
        self
    }

    /// Calls `handler` for whatever goes wrong in this namespace: a handler failed or panicked, an extractor refused,
    /// an emit was lost, a client sent nonsense.
    ///
    /// There is one error handler, the last one set. Without any, errors are traced as warnings, without what they quote of
    /// clients. It takes these two arguments and no extractors; a closure can capture what else it needs.
    ///
    /// An error says what happened, its `source()` why: which argument was no number, what a handler returned.
    ///
    /// ```
    /// use std::error::Error;
    ///
    /// use axum_socketio::{HandlerError, Socket, SocketIo};
    ///
    /// let io = SocketIo::new();
    /// io.of("/").on_error(async |socket: Socket, error: HandlerError| {
    ///     eprint!("{socket:?}: {error}");
    ///     let mut cause = error.source();
    ///     while let Some(error) = cause {
    ///         eprint!(": {error}");
    ///         cause = error.source();
    ///     }
    ///     eprintln!();
    /// });
    /// ```
    #[doc(alias = "error")]
    pub fn on_error<H: ErrorHandler>(self, handler: H) -> Self {
        self.registry().set_error(error::erase(handler));
        self
    }
}
