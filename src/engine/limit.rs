//! Limits that were overstepped: who is told, and how often.

use std::{
    cell::Cell,
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Connection, instruments::Overstepped};
use crate::{
    foreign::{self, Inside, brief},
    throttle::Throttle,
};

/// A limit that somebody may overstep, named after the option of the builder that moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// `max_http_buffer_size`: a message was too large. The client got status 413, or its WebSocket was closed with code 1009. Or what it
    /// said to get into its namespaces was, names and `auth` of all together: it got a connect error.
    HttpBufferSize,
    /// `max_send_buffer`: a client read too slowly. It was disconnected, or the packet dropped, as
    /// [`Overflow`](super::Overflow) says.
    SendBuffer,
    /// `max_attachments`: a packet announced too many, or named them too often. Its connection was closed.
    Attachments,
    /// `max_json_depth`: a packet was nested too deeply. Its connection was closed.
    JsonDepth,
    /// `max_namespaces`: a client asked for one too many. It got a connect error.
    Namespaces,
    /// `max_pending_acks`: the server asked one socket for too many acknowledgements at a time. The event was not sent.
    PendingAcks,
    /// `max_handshakes`: too many clients had not joined a namespace yet. One more got status 503.
    Handshakes,
    /// `max_connections`: too many clients were connected. One more got status 503.
    Connections,
    /// `max_events_in_flight`: as many handlers of one socket waited as may, or as may of one client, whose sockets come and go.
    /// Nothing was read from the client until one had ended.
    EventsInFlight,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::HttpBufferSize,
        Self::SendBuffer,
        Self::Attachments,
        Self::JsonDepth,
        Self::Namespaces,
        Self::PendingAcks,
        Self::Handshakes,
        Self::Connections,
        Self::EventsInFlight,
    ];

    /// The option of the [`Builder`](crate::Builder) that moves it.
    #[must_use]
    pub const fn option(self) -> &'static str {
        match self {
            Self::HttpBufferSize => "max_http_buffer_size",
            Self::SendBuffer => "max_send_buffer",
            Self::Attachments => "max_attachments",
            Self::JsonDepth => "max_json_depth",
            Self::Namespaces => "max_namespaces",
            Self::PendingAcks => "max_pending_acks",
            Self::Handshakes => "max_handshakes",
            Self::Connections => "max_connections",
            Self::EventsInFlight => "max_events_in_flight",
        }
    }
}

/// Somebody overstepped a limit: what [`Builder::on_limit`](crate::Builder::on_limit) is told.
///
/// It says where the client came from but not which session it was: a session id is a credential and belongs in no log.
#[derive(Clone, Copy, Debug)]
pub struct LimitExceeded<'a> {
    limit: Limit,
    max: usize,
    remote_addr: Option<SocketAddr>,
    namespace: Option<&'a str>,
}

impl LimitExceeded<'_> {
    /// Which limit it was.
    #[must_use]
    pub const fn limit(&self) -> Limit {
        self.limit
    }

    /// The value that the option has: bytes, levels or a number, as its documentation says.
    #[must_use]
    pub const fn max(&self) -> usize {
        self.max
    }

    /// The client's address, if the server knows it. Behind a proxy it is the proxy's.
    #[must_use]
    pub const fn remote_addr(&self) -> Option<SocketAddr> {
        self.remote_addr
    }

    /// The namespace concerned, where there is one.
    #[must_use]
    pub const fn namespace(&self) -> Option<&str> {
        self.namespace
    }
}

impl fmt::Display for LimitExceeded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is {}, and more was asked for",
            self.limit.option(),
            self.max
        )
    }
}

/// A user's function that hears of limits.
#[derive(Clone)]
pub(crate) struct LimitHook(Arc<dyn Fn(&LimitExceeded<'_>) + Send + Sync>);

impl LimitHook {
    pub(crate) fn new(hook: impl Fn(&LimitExceeded<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

impl fmt::Debug for LimitHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LimitHook")
    }
}

thread_local! {
    /// This thread tells a hook.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// What became of the limits of one engine.
pub(super) struct Limits {
    hook: Option<LimitHook>,
    counts: [AtomicU64; Limit::ALL.len()],
    overstepped: Overstepped,
    /// What the log hears: of each limit one line at a time.
    lines: [Throttle; Limit::ALL.len()],
}

impl Limits {
    pub(super) fn new(hook: Option<LimitHook>) -> Self {
        Self {
            hook,
            counts: Default::default(),
            overstepped: Overstepped::new(),
            lines: [const { Throttle::new(1) }; Limit::ALL.len()],
        }
    }

    /// How often this limit has been overstepped.
    pub(super) fn count(&self, limit: Limit) -> u64 {
        self.counts[limit as usize].load(Ordering::Relaxed)
    }

    /// Counts, tells the hook, and now and then the log. A hook that panics harms nobody, and of what it oversteps itself it isn't told.
    pub(super) fn exceeded(
        &self,
        limit: Limit,
        max: usize,
        remote_addr: Option<SocketAddr>,
        namespace: Option<&str>,
    ) {
        self.counts[limit as usize].fetch_add(1, Ordering::Relaxed);
        self.overstepped.count(limit);
        if let Some(times) = self.lines[limit as usize].worth_a_line() {
            crate::log::warn!(
                target: "axum_socketio::limit",
                option = limit.option(), max, ?remote_addr, namespace = namespace.map(brief), times,
                "a limit was exceeded: if a client needs more, raise `{}` on the builder", limit.option()
            );
        }
        if let Some(LimitHook(hook)) = &self.hook
            && !TELLING.get()
        {
            let _telling = Inside::enter(&TELLING);
            let exceeded = LimitExceeded {
                limit,
                max,
                remote_addr,
                namespace,
            };
            if foreign::call(|| hook(&exceeded)).is_err() {
                crate::log::error!("the function given to `on_limit` panicked");
            }
        }
    }
}

impl Connection {
    /// The client, or the server on its behalf, overstepped a limit.
    pub(crate) fn limit_exceeded(&self, limit: Limit, max: usize, namespace: Option<&str>) {
        let limits = &self.shared().limits;
        limits.exceeded(limit, max, self.remote_addr(), namespace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_counted_by_their_place_in_the_list() {
        for (index, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, index, "{limit:?}");
        }
    }
}
