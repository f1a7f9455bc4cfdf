//! Connections that ask for nothing are closed: a listener, and a layer that says what is being served.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, Request, connect_info::Connected},
    middleware::Next,
    response::Response,
    serve::{IncomingStream, Listener},
};
use http::{Method, StatusCode, Version};
use http_body::{Frame, SizeHint};
use tokio::net::{TcpListener, TcpStream};

use crate::engine::{Activity, Awaited, IdleStream, Serving, Stopping};

/// Gives every connection a [limit of time](IdleStream).
pub(super) struct IdleListener {
    pub(super) listener: TcpListener,
    pub(super) timeout: Duration,
    pub(super) stopping: Stopping,
}

/// What requests are told of their connection.
#[derive(Clone)]
pub(super) struct Peer {
    address: SocketAddr,
    activity: Arc<Activity>,
}

/// A body on its way. While it is the client's turn, the request isn't being served.
struct Passing {
    body: Body,
    way: Way,
    client: Awaited,
    /// Of an answer, which is being served until the HTTP server has taken all of it.
    _serving: Option<Serving>,
}

#[derive(Clone, Copy)]
enum Way {
    /// A request's: it is the client's turn while it is waited for. Whoever sends half of one asks for nothing.
    In,
    /// An answer's: it is the client's turn while it doesn't take what there is. Over HTTP/2 nothing is written then that could stall.
    Out,
}

impl Listener for IdleListener {
    type Io = IdleStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            crate::log::debug!(%error, "no TCP_NODELAY");
        }
        (
            IdleStream::new(stream, self.timeout, self.stopping.clone()),
            address,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, IdleListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, IdleListener>) -> Self {
        Self {
            address: *stream.remote_addr(),
            activity: stream.io().activity().clone(),
        }
    }
}

/// Keeps the connection while the request is being served, and tells the application the address as axum does.
pub(super) async fn serve(
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let serving = peer.activity.serve();
    let plain = request.version() <= Version::HTTP_11;
    if plain {
        peer.activity.writes_count();
    }
    let extensions = request.extensions_mut();
    extensions.remove::<ConnectInfo<Peer>>();
    extensions.insert(ConnectInfo(peer.address));
    if !request.body().is_end_stream() {
        let client = serving.awaited();
        request = request.map(|body| {
            Body::new(Passing {
                body,
                way: Way::In,
                client,
                _serving: None,
            })
        });
    }
    let connect = request.method() == Method::CONNECT;
    let response = next.run(request).await;
    let status = response.status();
    if status == StatusCode::SWITCHING_PROTOCOLS || plain && connect && status.is_success() {
        // The application's own WebSockets: they needn't have heartbeats (RFC 6455 §5.5.2), nor be written anything.
        serving.for_ever();
        return response;
    }
    let mut client = serving.awaited();
    client.waits();
    response.map(|body| {
        Body::new(Passing {
            body,
            way: Way::Out,
            client,
            _serving: Some(serving),
        })
    })
}

impl HttpBody for Passing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match (self.way, frame.is_pending()) {
            (Way::In, true) | (Way::Out, false) => self.client.waits(),
            (Way::In, false) | (Way::Out, true) => self.client.goes_on(),
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
