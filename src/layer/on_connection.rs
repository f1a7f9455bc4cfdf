//! Connections that somebody else has accepted.

use http::request::Parts;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    engine::{Connection, Refused},
    layer::service::{peer, unpin_original_uri},
    server::SocketIo,
};

impl SocketIo {
    /// Serves a WebSocket that somebody else has accepted, over any stream of bytes: a Unix socket, TLS, a pipe in memory.
    /// JS `server.onconnection(socket)`.
    ///
    /// The stream is taken over as it is after the answer to the handshake (status 101): from here on it carries frames, and
    /// this server's side of it. `head` is the request that was answered, for [`socket.handshake`](crate::Socket::handshake),
    /// the extractors of connect handlers, and the query: `EIO` says which generation the client is of, `transport` has
    /// to be `websocket`, a `sid` is a session of this server that polls and is to move to the stream. The peer's address is
    /// that of axum's `ConnectInfo<SocketAddr>`, or of a bare `SocketAddr`, among the extensions.
    ///
    /// Whoever accepts decides who may come: [`origins`](crate::Builder::origins), [`allow_request`](crate::Builder::allow_request)
    /// and the other hooks are not asked. The answer must not have agreed to extensions of WebSocket. A `TcpStream` is served as
    /// fast as one of our own, other streams cost a wake-up of their task for each burst that is sent to them.
    ///
    /// A task of the current runtime serves the connection. What is given back is a handle, which may be dropped.
    ///
    /// ```
    /// use axum::{Router, extract::{Request, State}, http::{HeaderMap, StatusCode, header}, response::IntoResponse, routing::any};
    /// use axum_socketio::SocketIo;
    /// use hyper_util::rt::TokioIo;
    /// use tungstenite::handshake::derive_accept_key;
    ///
    /// // The layer would do all of this. Here it is done by hand, where something has to happen in between.
    /// async fn accept(State(io): State<SocketIo>, mut request: Request) -> impl IntoResponse {
    ///     let upgrade = hyper::upgrade::on(&mut request);
    ///     let (head, _) = request.into_parts();
    ///     let Some(key) = head.headers.get(header::SEC_WEBSOCKET_KEY) else {
    ///         return Err(StatusCode::BAD_REQUEST);
    ///     };
    ///     let accept = derive_accept_key(key.as_bytes());
    ///     tokio::spawn(async move {
    ///         let stream = TokioIo::new(upgrade.await?);
    ///         io.on_connection(head, stream)?;
    ///         Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    ///     });
    ///     let headers = [
    ///         (header::CONNECTION, "Upgrade".to_owned()),
    ///         (header::UPGRADE, "websocket".to_owned()),
    ///         (header::SEC_WEBSOCKET_ACCEPT, accept),
    ///     ];
    ///     Ok((StatusCode::SWITCHING_PROTOCOLS, headers))
    /// }
    ///
    /// let app: Router = Router::new().route("/mine/", any(accept)).with_state(SocketIo::new());
    /// # let _ = app;
    /// ```
    ///
    /// # Errors
    ///
    /// What would have been refused at the handshake: another transport, an unknown session, a generation that is turned off,
    /// a head of more than 16 KiB, no room, a server that is closed. The stream is dropped.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[doc(alias = "onconnection")]
    #[doc(alias = "wsEngine")]
    pub fn on_connection<S>(&self, mut head: Parts, stream: S) -> Result<Connection, Refused>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = peer(&head.extensions);
        unpin_original_uri(&mut head);
        self.engine().take_over(head, peer, stream)
    }
}
