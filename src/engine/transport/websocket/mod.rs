//! The WebSocket transport: one task per connection.
//!
//! ```text
//!  OnUpgrade ──► Io ──► Driver ─┬─ Reader ──► Receiver        messages up, borrowed from the scratch
//!                               ├─ Writer ◄── Outbox          everything queued in one write; a Compressor in between, if agreed on
//!                               └─► linger                    the client's close frame, when the session is over
//! ```

mod compressor;
mod direct;
mod driver;
mod halves;
mod inbox;
mod io;
mod linger;
mod reader;
mod scratch;
mod writer;

#[cfg(all(test, models))]
pub(super) mod models;

use hyper::upgrade::{OnUpgrade, Upgraded};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::Instrument as _;

pub(in crate::engine) use self::direct::Direct;
use self::{
    driver::Driver,
    io::{Io, Stream},
};
use crate::{
    Protocol,
    engine::{
        Connection, Engine, Handshake, Transport, admission::Reserved, clock, connection::PollingFormat,
        refused,
    },
    websocket::Agreement,
};

/// What a WebSocket is for.
pub(in crate::engine) enum Opening {
    /// A session of its own.
    Handshake(Engine, Protocol, Handshake, Option<Reserved>),
    /// The next transport of a session that polls.
    Probe(Connection),
}

/// Starts the transport once the HTTP server has let go of the connection.
#[expect(clippy::disallowed_methods, reason = "a driver")]
pub(in crate::engine) fn spawn(
    on_upgrade: OnUpgrade,
    opening: Opening,
    b64: bool,
    deflate: Option<Agreement>,
) {
    tokio::spawn(async move {
        match on_upgrade.await {
            Ok(upgraded) => start(upgraded, opening, b64, deflate),
            Err(error) => crate::log::debug!(%error, "a connection was lost before it became a WebSocket"),
        }
    });
}

fn start(upgraded: Upgraded, opening: Opening, b64: bool, deflate: Option<Agreement>) {
    let (io, early) = Io::new(upgraded);
    if let Some(driver) = driver(io, &early, opening, b64, deflate) {
        run(driver);
    }
}

#[expect(clippy::disallowed_methods, reason = "a driver")]
fn run(driver: Driver<Io>) {
    let span = driver.span();
    // The task of a session that nobody traces shall not be larger for it.
    if span.is_disabled() {
        tokio::spawn(driver);
    } else {
        tokio::spawn(driver.instrument(span));
    }
}

/// Serves a WebSocket that somebody else has accepted; `None` if nobody wants it any more.
pub(in crate::engine) fn take_over<S>(stream: S, opening: Opening, b64: bool) -> Option<Connection>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (io, early) = Io::of(stream);
    let driver = driver(io, &early, opening, b64, None)?;
    let connection = driver.connection().clone();
    run(driver);
    Some(connection)
}

/// The driver over any stream, for tests.
#[cfg(test)]
pub(in crate::engine) fn begin<S>(
    io: S,
    early: &[u8],
    opening: Opening,
    b64: bool,
    deflate: Option<Agreement>,
) -> Option<impl Future<Output = ()> + Send + use<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    driver(io, early, opening, b64, deflate)
}

/// The driver of a new WebSocket; `None` if nobody wants it any more.
fn driver<S: Stream>(
    io: S,
    early: &[u8],
    opening: Opening,
    b64: bool,
    deflate: Option<Agreement>,
) -> Option<Driver<S>> {
    match opening {
        Opening::Handshake(engine, protocol, handshake, reserved) => {
            let format = PollingFormat::default();
            let connection = engine.connect(Transport::WebSocket, protocol, handshake, format, reserved)?;
            Some(Driver::open(io, early, connection, b64, deflate))
        }
        Opening::Probe(connection) => {
            let now = clock::now();
            let config = &connection.shared().config;
            let probe = connection.update(now, |core, _| core.session.handle_probe_connected(now, config));
            if probe.is_none() {
                refused!(connection, "a second WebSocket for one session");
            }
            Some(Driver::probe(io, early, connection.clone(), b64, deflate, probe))
        }
    }
}

/// The size of the state of a task, for a test that watches it.
#[cfg(test)]
pub(in crate::engine) const fn driver_size() -> usize {
    size_of::<Driver<Io>>()
}
