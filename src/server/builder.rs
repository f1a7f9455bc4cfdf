//! The options of a server.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::{
    adapter::Adapter,
    engine::{ClientBundle, Config, LimitExceeded, LimitHook, Overflow, PathRule, Transport},
    packet::parser::PacketParser,
    server::{Cookie, Gate, OriginPolicy, Origins, SocketIo, recovery::ConnectionStateRecovery},
};

/// The longest time an option may be: 136 years.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);

/// Half of the longest time for which the timers of JS clients go: they wait for `ping_interval` and `ping_timeout` together.
const LONGEST_BEAT: Duration = Duration::from_millis(i32::MAX as u64 / 2);

/// Options for a [`SocketIo`], checked all at once by [`build`](Self::build).
///
/// ```
/// use std::time::Duration;
/// use axum_socketio::SocketIo;
///
/// let io = SocketIo::builder()
///     .path("/ws")
///     .ping_interval(Duration::from_secs(20))
///     .max_http_buffer_size(1 << 20)
///     .build()?;
/// # Ok::<(), axum_socketio::BuildError>(())
/// ```
#[derive(Debug)]
#[must_use = "call `build` to get the server"]
pub struct Builder {
    path: String,
    trailing_slash: bool,
    pub(super) settings: Settings,
    /// The first option that was wrong when it was set.
    mistake: Option<BuildError>,
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(super) engine: Config,
    pub(super) path: PathRule,
    pub(super) connect_timeout: Duration,
    pub(super) ack_timeout: Duration,
    pub(super) parser: PacketParser,
    pub(super) max_attachments: usize,
    pub(super) max_json_depth: usize,
    pub(super) max_namespaces: usize,
    pub(super) max_pending_acks: usize,
    pub(super) max_events_in_flight: usize,
    pub(super) bundle: Option<ClientBundle>,
    pub(super) adapter: Option<Arc<dyn Adapter>>,
    pub(super) gate: Option<Arc<Gate>>,
    pub(super) origins: Option<Origins>,
    pub(super) recovery: Option<Arc<ConnectionStateRecovery>>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            path: "/socket.io".to_owned(),
            trailing_slash: true,
            settings: Settings::default(),
            mistake: None,
        }
    }

    /// Where the server is mounted: `/socket.io` by default. Clients have to be given the same `path`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Whether the path ends in a slash: true by default, as clients expect. Turn it off together with the clients'
    /// `addTrailingSlash`.
    pub const fn add_trailing_slash(mut self, add: bool) -> Self {
        self.trailing_slash = add;
        self
    }

    /// The time between two heartbeats: 25 s by default. Shorter finds vanished clients sooner and costs more traffic;
    /// stay below the idle timeout of proxies on the way. One timer serves
    /// all connections: a ping leaves up to 250 ms late, never early.
    pub const fn ping_interval(mut self, interval: Duration) -> Self {
        self.settings.engine.ping_interval = interval;
        self
    }

    /// How long a heartbeat may stay unanswered before the client is given up: 20 s by default. Browsers slow down the timers
    /// of background tabs, so less than 5 s is asking for trouble. Like the ping, the
    /// end comes up to 250 ms late, never early.
    pub const fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.settings.engine.ping_timeout = timeout;
        self
    }

    /// How long a WebSocket that wants to replace long-polling may take for it: 10 s by default.
    pub const fn upgrade_timeout(mut self, timeout: Duration) -> Self {
        self.settings.engine.upgrade_timeout = timeout;
        self
    }

    /// How long a connection may exist without joining a namespace: 45 s by default.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long an acknowledgement is waited for where no other time is given: 30 s by default.
    pub const fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.settings.ack_timeout = timeout;
        self
    }

    /// The largest message a client may send, in bytes, for each transport: 1,000,000 by default. A larger one closes a
    /// WebSocket with code 1009, and is refused with status 413 over long-polling. What a client says to get into its namespaces (`auth`,
    /// the query behind them, names of [dynamic](SocketIo::of_matching) ones) may be no more either, or it gets a connect error, `auth too large`.
    pub const fn max_http_buffer_size(mut self, bytes: usize) -> Self {
        self.settings.engine.max_http_buffer_size = bytes;
        self
    }

    /// How many bytes may wait for a client that reads too slowly, counted before any compression: 4 MiB by default. What happens
    /// beyond is said by [`overflow`](Self::overflow).
    pub const fn max_send_buffer(mut self, bytes: usize) -> Self {
        self.settings.engine.max_send_buffer = bytes;
        self
    }

    /// What happens when a client's send buffer is full: by default it is disconnected with the reason `transport error`, so
    /// that no client misses something without noticing.
    pub const fn overflow(mut self, overflow: Overflow) -> Self {
        self.settings.engine.overflow = overflow;
        self
    }

    /// The transports clients may use: both by default.
    pub fn transports(mut self, transports: impl IntoIterator<Item = Transport>) -> Self {
        let (mut polling, mut websocket) = (false, false);
        for transport in transports {
            match transport {
                Transport::Polling => polling = true,
                Transport::WebSocket => websocket = true,
            }
        }
        self.settings.engine.polling = polling;
        self.settings.engine.websocket = websocket;
        self
    }

    /// Whether long-polling sessions may move to a WebSocket: true by default.
    pub const fn allow_upgrades(mut self, allow: bool) -> Self {
        self.settings.engine.allow_upgrades = allow;
        self
    }

    /// Whether JS clients 1.x and 2.x (Engine.IO 3) are served: true by default.
    #[doc(alias = "allowEIO3")]
    pub const fn allow_eio3(mut self, allow: bool) -> Self {
        self.settings.engine.allow_eio3 = allow;
        self
    }

    /// How packets are written and read: in JSON by default, as all clients do that aren't told otherwise. See
    /// [`parser`](crate::parser) for the others.
    pub fn parser(mut self, parser: impl Into<PacketParser>) -> Self {
        self.settings.parser = parser.into();
        self
    }

    /// How many attachments one packet of a client may announce: 10 by default, as in Node. As many placeholders may stand for them,
    /// where Node lets any number stand for one and the same.
    pub const fn max_attachments(mut self, attachments: usize) -> Self {
        self.settings.max_attachments = attachments;
        self
    }

    /// How deeply arrays and objects may stand in one another in a packet of a client, its own array included: 128 by default. A
    /// packet beyond is refused as one that is no JSON, and closes its connection.
    ///
    /// More than the default is of no use to handlers: `serde_json` reads no argument that is nested more deeply than that. But where its feature
    /// `raw_value` is on, as with axum's `json`, its values have the text under a key of its own, `$serde_json::private::RawValue`, read anew, to
    /// any depth: there a packet with this key counts as nested too deeply, whatever the limit.
    pub const fn max_json_depth(mut self, levels: usize) -> Self {
        self.settings.max_json_depth = levels;
        self
    }

    /// How many namespaces one client may be in at a time, or wait for (a middleware, [`of_matching_async`](SocketIo::of_matching_async), `/` of
    /// Engine.IO 3): 100 by default. For one more it gets a connect error, `too many namespaces`.
    pub const fn max_namespaces(mut self, namespaces: usize) -> Self {
        self.settings.max_namespaces = namespaces;
        self
    }

    /// How many acknowledgements of one socket may be awaited at a time: 10,000 by default. One more
    /// [`emit_with_ack`](crate::Socket::emit_with_ack) is not sent and fails with an error that [is
    /// full](crate::EmitError::is_full); a broadcast leaves the socket out.
    pub const fn max_pending_acks(mut self, acks: usize) -> Self {
        self.settings.max_pending_acks = acks;
        self
    }

    /// How many handlers of one socket's events may wait for something at a time: 1,000 by default. When there are as many, nothing
    /// is read from that client until one has ended, so that it feels the pressure; nor do events start that are queued, unless a leave waits for
    /// them. Likewise when so many times [`max_namespaces`](Self::max_namespaces) handlers of all kinds wait for one client.
    ///
    /// Acknowledgements aren't read then either (if all handlers await one from their own client, they do so until it times out), nor
    /// heartbeats: if none ends for [`ping_interval`](Self::ping_interval) + [`ping_timeout`](Self::ping_timeout), the client is closed
    /// with `ping timeout`. Handlers that end now and then keep it; work that takes longer belongs in a task of its own.
    pub const fn max_events_in_flight(mut self, events: usize) -> Self {
        self.settings.max_events_in_flight = events;
        self
    }

    /// How many connections there may be at a time: as many as come, by default. One more is refused with status 503 and
    /// `{"code":6,"message":"Too many connections"}`; JS clients try again later by themselves.
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.settings.engine.max_connections = connections;
        self
    }

    /// How many connections there may be at a time that have not joined a namespace yet: 65,536 by default. Each is closed after
    /// [`connect_timeout`](Self::connect_timeout), and counts until the client has taken that, for 5 s at most over WebSocket and 30 s over
    /// long-polling. One more is refused like a connection too many. One peer may take them all, in seconds: a proxy limits what each may have.
    pub const fn max_handshakes(mut self, connections: usize) -> Self {
        self.settings.engine.max_handshakes = connections;
        self
    }

    /// Hears of every limit that is overstepped: to count, to alert, to ban an address. Nobody, by default; the log gets a line
    /// every ten seconds and limit in any case, and [`SocketIo::times_exceeded`] counts.
    ///
    /// It is called where it happens, which may be inside of an emit, and as often as it happens: so it must not take a lock that may be
    /// held while something is emitted, and has to be quick. Of limits that it oversteps itself, by emitting, it isn't told.
    ///
    /// ```
    /// use axum_socketio::{SocketIo, limit::Limit};
    ///
    /// let io = SocketIo::builder()
    ///     .max_namespaces(5)
    ///     .on_limit(|exceeded| {
    ///         if exceeded.limit() == Limit::Namespaces {
    ///             println!("{exceeded} by {:?}", exceeded.remote_addr());
    ///         }
    ///     })
    ///     .build()?;
    /// # Ok::<(), axum_socketio::BuildError>(())
    /// ```
    pub fn on_limit(mut self, hook: impl Fn(&LimitExceeded<'_>) + Send + Sync + 'static) -> Self {
        self.settings.engine.on_limit = Some(LimitHook::new(hook));
        self
    }

    /// Serves the official client files under the path: none by default.
    pub fn serve_client(mut self, bundle: ClientBundle) -> Self {
        self.settings.bundle = Some(bundle);
        self
    }

    /// Joins other servers through this back end: none by default, as with [`Memory`](crate::adapter::Memory). See
    /// [`adapter`](crate::adapter).
    ///
    /// The server then has to be built within a tokio runtime, which keeps the connection to the others.
    pub fn adapter(mut self, adapter: impl Adapter) -> Self {
        self.settings.adapter = (!adapter.is_alone()).then(|| Arc::new(adapter) as Arc<dyn Adapter>);
        self
    }

    /// The origins whose pages may connect: by default all, but without CORS headers. See [`Origins`].
    ///
    /// Handshakes of others are refused, over WebSockets too, with status 403 and code 4.
    pub fn origins(mut self, origins: impl Into<OriginPolicy>) -> Self {
        let policy = origins.into();
        self.settings.origins = policy.known;
        self.gate().origins = Some(policy.ask);
        self
    }

    /// A cookie with the session id, for load balancers: none by default. See [`Cookie`].
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        if let Some(flaw) = cookie.flaw() {
            self.mistaken(BuildError::new("cookie", format!("{cookie:?}"), flaw));
        }
        self.gate().cookie = Some(cookie);
        self
    }

    /// The hooks, which a server has once it is asked for them.
    pub(crate) fn gate(&mut self) -> &mut Gate {
        Arc::make_mut(self.settings.gate.get_or_insert_default())
    }

    pub(crate) fn mistaken(&mut self, error: BuildError) {
        self.mistake.get_or_insert(error);
    }

    /// The server, if the options make sense.
    ///
    /// # Errors
    ///
    /// Names the option, its value and what is wrong with it. Times have to be shorter than 2³² seconds, those of
    /// heartbeats than 2³⁰ ms, and all but [`ack_timeout`](Self::ack_timeout) longer than nothing.
    pub fn build(self) -> Result<SocketIo, BuildError> {
        self.checked().map(SocketIo::from_settings)
    }

    /// The options of an engine that is bound to a server.
    pub(crate) fn build_engine(self) -> Result<Settings, BuildError> {
        self.checked()?.without_server_options()
    }

    fn checked(mut self) -> Result<Settings, BuildError> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let engine = &self.settings.engine;
        positive("ping_interval", engine.ping_interval, LONGEST_BEAT)?;
        positive("ping_timeout", engine.ping_timeout, LONGEST_BEAT)?;
        positive("upgrade_timeout", engine.upgrade_timeout, LONGEST)?;
        positive("connect_timeout", self.settings.connect_timeout, LONGEST)?;
        bounded("ack_timeout", self.settings.ack_timeout, LONGEST)?;
        at_least_one("max_http_buffer_size", engine.max_http_buffer_size)?;
        at_least_one("max_send_buffer", engine.max_send_buffer)?;
        at_least_one("max_json_depth", self.settings.max_json_depth)?;
        at_least_one("max_namespaces", self.settings.max_namespaces)?;
        at_least_one("max_events_in_flight", self.settings.max_events_in_flight)?;
        at_least_one("max_connections", engine.max_connections)?;
        at_least_one("max_handshakes", engine.max_handshakes)?;
        if let Some(recovery) = &self.settings.recovery {
            positive(
                "connection_state_recovery",
                recovery.max_disconnection_duration,
                LONGEST,
            )?;
        }
        if !(engine.polling || engine.websocket) {
            return Err(BuildError::new(
                "transports",
                "[]".to_owned(),
                "there has to be one at least",
            ));
        }
        if self.settings.adapter.is_some() && tokio::runtime::Handle::try_current().is_err() {
            return Err(BuildError::new(
                "adapter",
                format!("{:?}", self.settings.adapter),
                "it has to be built within a tokio runtime",
            ));
        }
        self.settings.path = PathRule::new(&self.path, self.trailing_slash)
            .map_err(|error| BuildError::new("path", format!("{:?}", self.path), error.to_string()))?;
        Ok(self.settings)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            engine: Config::default(),
            path: PathRule::default(),
            connect_timeout: Duration::from_secs(45),
            ack_timeout: Duration::from_secs(30),
            parser: PacketParser::JSON,
            max_attachments: 10,
            max_json_depth: 128,
            max_namespaces: 100,
            max_pending_acks: 10_000,
            max_events_in_flight: 1_000,
            bundle: None,
            adapter: None,
            gate: None,
            origins: None,
            recovery: None,
        }
    }
}

fn positive(option: &'static str, value: Duration, longest: Duration) -> Result<(), BuildError> {
    if value.is_zero() {
        return Err(BuildError::new(
            option,
            format!("{value:?}"),
            "it has to be longer than nothing",
        ));
    }
    bounded(option, value, longest)
}

/// Such a time can be added to any other without leaving the clock's range.
fn bounded(option: &'static str, value: Duration, longest: Duration) -> Result<(), BuildError> {
    if value > longest {
        return Err(BuildError::new(
            option,
            format!("{value:?}"),
            format!("it has to be {} seconds at most", longest.as_secs()),
        ));
    }
    Ok(())
}

fn at_least_one(option: &'static str, value: usize) -> Result<(), BuildError> {
    if value == 0 {
        return Err(BuildError::new(
            option,
            value.to_string(),
            "it has to be at least 1",
        ));
    }
    Ok(())
}

/// An option makes no sense.
#[derive(Debug)]
pub struct BuildError {
    option: &'static str,
    value: String,
    reason: String,
}

impl BuildError {
    pub(crate) fn new(option: &'static str, value: String, reason: impl Into<String>) -> Self {
        Self {
            option,
            value,
            reason: reason.into(),
        }
    }

    /// The option concerned.
    #[must_use]
    pub const fn option(&self) -> &'static str {
        self.option
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "option `{}` can't be {}: {}",
            self.option, self.value, self.reason
        )
    }
}

impl Error for BuildError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_beyond_all_clocks_is_refused() {
        type Set = fn(Builder, Duration) -> Builder;
        // JS clients take a longer heartbeat for one that is silent.
        let (beat, seconds) = (LONGEST_BEAT, "1073741 seconds at most");
        let (ever, years) = (LONGEST, "4294967295 seconds at most");
        let options: [(&str, Set, Duration, &str); 5] = [
            ("ping_interval", Builder::ping_interval, beat, seconds),
            ("ping_timeout", Builder::ping_timeout, beat, seconds),
            ("upgrade_timeout", Builder::upgrade_timeout, ever, years),
            ("connect_timeout", Builder::connect_timeout, ever, years),
            ("ack_timeout", Builder::ack_timeout, ever, years),
        ];
        for (option, set, longest, words) in options {
            assert!(set(Builder::new(), longest).build().is_ok(), "{option}");
            for time in [longest + Duration::from_nanos(1), Duration::MAX] {
                let error = set(Builder::new(), time).build().unwrap_err();
                assert_eq!(error.option(), option);
                assert!(error.to_string().ends_with(words), "{error}");
            }
        }
    }
}
