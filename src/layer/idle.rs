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

/// The body of an answer. While the client doesn't take what there is of it, the request isn't being served: over HTTP/2 nothing is written
/// then that could stall.
struct Served {
    body: Body,
    taken: Awaited,
    _serving: Serving,
}

/// The body of a request. While it is waited for, the request isn't being served: whoever sends half of one asks for nothing.
struct Coming {
    body: Body,
    awaited: Awaited,
}

impl Listener for IdleListener {
    type Io = IdleStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
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
    let extensions = request.extensions_mut();
    extensions.remove::<ConnectInfo<Peer>>();
    extensions.insert(ConnectInfo(peer.address));
    if !request.body().is_end_stream() {
        let awaited = serving.awaited();
        request = request.map(|body| Body::new(Coming { body, awaited }));
    }
    let tunnel = request.method() == Method::CONNECT && request.version() <= Version::HTTP_11;
    let response = next.run(request).await;
    let status = response.status();
    if status == StatusCode::SWITCHING_PROTOCOLS || tunnel && status.is_success() {
        // The application's own WebSockets: they needn't have heartbeats (RFC 6455 §5.5.2), nor be written anything.
        serving.for_ever();
        return response;
    }
    let mut taken = serving.awaited();
    taken.waits();
    response.map(|body| {
        Body::new(Served {
            body,
            taken,
            _serving: serving,
        })
    })
}

impl HttpBody for Served {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match frame {
            Poll::Pending => self.taken.goes_on(),
            Poll::Ready(_) => self.taken.waits(),
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

impl HttpBody for Coming {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match frame {
            Poll::Pending => self.awaited.waits(),
            Poll::Ready(_) => self.awaited.goes_on(),
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
