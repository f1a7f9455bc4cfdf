//! Connections that ask for nothing are closed: a listener, and a layer that says what is being served.

use std::{
    io, mem,
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

/// As much of an answer is handed on at once over HTTP/2, where nobody sees how it leaves from then on.
const PIECE: usize = 16_384;

/// A body on its way. While it is the client's turn, the request isn't being served.
struct Passing {
    body: Body,
    way: Way,
    /// As much of it is handed on at once,
    piece: usize,
    /// and the rest of a frame afterwards.
    rest: Bytes,
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
                piece: usize::MAX,
                rest: Bytes::new(),
                client,
                _serving: None,
            })
        });
    }
    let connect = request.method() == Method::CONNECT;
    let response = next.run(request).await;
    let status = response.status();
    let tunnel = connect && status.is_success();
    if status == StatusCode::SWITCHING_PROTOCOLS || plain && tunnel {
        // The application's own WebSockets: they needn't have heartbeats (RFC 6455 §5.5.2), nor be written anything.
        serving.for_ever();
        return response;
    }
    if tunnel {
        // What goes through it (RFC 8441 §5) is seen by nothing else.
        peer.activity.writes_count();
    }
    let mut client = serving.awaited();
    client.waits();
    response.map(|body| {
        Body::new(Passing {
            body,
            way: Way::Out,
            piece: if plain { usize::MAX } else { PIECE },
            rest: Bytes::new(),
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
        let frame = if self.rest.is_empty() {
            Pin::new(&mut self.body).poll_frame(cx)
        } else {
            Poll::Ready(Some(Ok(Frame::data(mem::take(&mut self.rest)))))
        };
        match (self.way, frame.is_pending()) {
            (Way::In, true) | (Way::Out, false) => self.client.waits(),
            (Way::In, false) | (Way::Out, true) => self.client.goes_on(),
        }
        if frame.is_ready() {
            self.client.went_on();
        }
        let piece = self.piece;
        frame.map_ok(|frame| {
            frame.map_data(|mut data| {
                self.rest = data.split_off(data.len().min(piece));
                data
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower() + rest);
        if let Some(upper) = body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
