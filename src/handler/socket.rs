//! Registering handlers with one socket, as in JS.

use crate::{
    handler::{
        DisconnectHandler, ErrorHandler, EventHandler, PacketMiddlewareHandler, disconnect, error,
        event as events, packet_middleware, reserved,
    },
    server::{Hears, ListenerId, Position, Socket},
};

/// Handlers of this socket alone.
///
/// Handlers of a [`Namespace`](crate::Namespace) cost no memory per connection and read its state: prefer them. A
/// handler of one socket is for what only this connection knows; closures can keep it. These handlers have no state,
/// and are dropped when the socket leaves.
///
/// See the [`handler`](crate::handler) module for what can be a handler.
impl Socket {
    /// Calls `handler` for every `event` that this socket receives, after the namespace's handlers of that event.
    ///
    /// Reserved names never arrive, as with [`Namespace::on`](crate::Namespace::on).
    ///
    /// ```
    /// use axum_socketio::{Socket, SocketIo, extract::{Auth, Data}};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct User {
    ///     name: String,
    /// }
    ///
    /// let io = SocketIo::new();
    /// io.of("/").on_connect(async |socket: Socket, Auth(user): Auth<User>| {
    ///     socket.on("message", async move |Data(text): Data<String>| {
    ///         println!("{}: {text}", user.name);
    ///     });
    /// });
    /// ```
    pub fn on<H, T>(&self, event: impl AsRef<str>, handler: H) -> ListenerId
    where
        H: EventHandler<T, ()>,
        T: 'static,
    {
        self.listen(event.as_ref(), false, handler)
    }

    /// Calls `handler` for the next `event` that this socket receives, and never again.
    pub fn once<H, T>(&self, event: impl AsRef<str>, handler: H) -> ListenerId
    where
        H: EventHandler<T, ()>,
        T: 'static,
    {
        self.listen(event.as_ref(), true, handler)
    }

    /// Calls `handler` for every event that this socket receives, before the handlers of that event.
    ///
    /// ```
    /// # use axum_socketio::Socket;
    /// use axum_socketio::extract::EventName;
    ///
    /// async fn audited(socket: Socket) {
    ///     let audit = socket.on_any(async |EventName(event): EventName| println!("{event}"));
    ///     socket.remove_listener(audit);
    /// }
    /// ```
    #[doc(alias = "onAny")]
    pub fn on_any<H, T>(&self, handler: H) -> ListenerId
    where
        H: EventHandler<T, ()>,
        T: 'static,
    {
        let hears = Hears::Any(events::erase(handler, ()));
        self.listeners().add(Position::Last, hears)
    }

    /// As [`on_any`](Self::on_any), before all catch-all handlers that this socket has so far.
    #[doc(alias = "prependAny")]
    pub fn prepend_any<H, T>(&self, handler: H) -> ListenerId
    where
        H: EventHandler<T, ()>,
        T: 'static,
    {
        let hears = Hears::Any(events::erase(handler, ()));
        self.listeners().add(Position::First, hears)
    }

    /// Calls `handler` for every event that is sent to this socket's client, by [`emit`](Self::emit) or by a broadcast that reaches it,
    /// before it leaves. Acknowledgements are no events.
    ///
    /// It starts within the emit, so it must not take a lock that may be held while something is emitted. What it sends itself is not
    /// told to catch-all handlers, or it would never end; nor is what `disconnect` handlers send that start within it, because it sends somebody away.
    ///
    /// ```
    /// # use axum_socketio::Socket;
    /// use axum_socketio::{Value, extract::{EventName, Rest}};
    ///
    /// async fn audited(socket: Socket) {
    ///     socket.on_any_outgoing(async |EventName(event): EventName, Rest(args): Rest<Value>| {
    ///         println!("{event} with {} arguments", args.len());
    ///     });
    /// }
    /// ```
    #[doc(alias = "onAnyOutgoing")]
    pub fn on_any_outgoing<H, T>(&self, handler: H) -> ListenerId
    where
        H: EventHandler<T, ()>,
        T: 'static,
    {
        self.hear_outgoing(Position::Last, events::erase(handler, ()))
    }

    /// As [`on_any_outgoing`](Self::on_any_outgoing), before all of these handlers that this socket has so far.
    #[doc(alias = "prependAnyOutgoing")]
    pub fn prepend_any_outgoing<H, T>(&self, handler: H) -> ListenerId
    where
        H: EventHandler<T, ()>,
        T: 'static,
    {
        self.hear_outgoing(Position::First, events::erase(handler, ()))
    }

    /// Asks `handler` about every event that this socket receives, before the handlers of that event: it lets it pass, changes it or
    /// refuses it. JS `socket.use(fn)`.
    ///
    /// It comes after those of the namespace, see [`Namespace::packet_middleware`](crate::Namespace::packet_middleware), which has the
    /// rules.
    ///
    /// ```
    /// # use axum_socketio::Socket;
    /// use axum_socketio::{EventError, extract::EventName};
    ///
    /// async fn joined(socket: Socket) {
    ///     socket.middleware(async |EventName(event): EventName| {
    ///         if event == "doge" { Ok(()) } else { Err(EventError::new("not a doge")) }
    ///     });
    /// }
    /// ```
    #[doc(alias = "use")]
    pub fn middleware<H, T>(&self, handler: H) -> ListenerId
    where
        H: PacketMiddlewareHandler<T, ()>,
        T: 'static,
    {
        self.add_middleware(packet_middleware::erase(handler, ()))
    }

    /// Calls `handler` when this socket is about to leave, while it is still in its rooms, see
    /// [`Namespace::on_disconnecting`](crate::Namespace::on_disconnecting).
    #[doc(alias = "disconnecting")]
    pub fn on_disconnecting<H, T>(&self, handler: H) -> ListenerId
    where
        H: DisconnectHandler<T, ()>,
        T: 'static,
    {
        let hears = Hears::Disconnecting(disconnect::erase(handler, ()));
        self.listeners().add(Position::Last, hears)
    }

    /// Calls `handler` when this socket has left.
    #[doc(alias = "disconnect")]
    pub fn on_disconnect<H, T>(&self, handler: H) -> ListenerId
    where
        H: DisconnectHandler<T, ()>,
        T: 'static,
    {
        let hears = Hears::Disconnect(disconnect::erase(handler, ()));
        self.listeners().add(Position::Last, hears)
    }

    /// Calls `handler` for whatever goes wrong with this socket, after the [`on_error`](crate::Namespace::on_error) of its namespace. JS
    /// `socket.on("error", listener)`.
    ///
    /// A client that emits an event named `error` is heard with [`on`](Self::on), as any other event.
    ///
    /// ```
    /// # use axum_socketio::Socket;
    /// use axum_socketio::HandlerError;
    ///
    /// async fn watched(socket: Socket) {
    ///     socket.on_error(async |socket: Socket, error: HandlerError| eprintln!("{socket:?}: {error}"));
    /// }
    /// ```
    #[doc(alias = "error")]
    pub fn on_error<H: ErrorHandler>(&self, handler: H) -> ListenerId {
        let hears = Hears::Error(error::erase(handler));
        self.listeners().add(Position::Last, hears)
    }

    fn listen<H, T>(&self, event: &str, once: bool, handler: H) -> ListenerId
    where
        H: EventHandler<T, ()>,
        T: 'static,
    {
        reserved::warn_of(event);
        let hears = Hears::Event {
            name: event.into(),
            once,
            listener: events::erase(handler, ()),
        };
        self.listeners().add(Position::Last, hears)
    }
}
