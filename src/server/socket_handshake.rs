//! What the client said when it came.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use serde::de::DeserializeOwned;

use crate::{Protocol, engine::Connection, packet::JsonText, server::js_date};

/// How a socket came: the request that opened its connection, and what it sent to connect to its namespace.
///
/// JS `socket.handshake`. The request's headers are kept in one compact allocation and read from there.
///
/// ```
/// # use axum_socketio::Socket;
/// async fn joined(socket: Socket) {
///     let handshake = socket.handshake();
///     println!(
///         "{:?} at {} from {:?}, encrypted: {}, room: {:?}",
///         handshake.header("user-agent"),
///         handshake.time_string(),
///         handshake.address(),
///         handshake.is_secure(),
///         handshake.query("room"),
///     );
/// }
/// ```
pub struct Handshake {
    connection: Connection,
    auth: Option<JsonText>,
    /// What stood behind the namespace's name, for Engine.IO 3 clients.
    namespace_query: BTreeMap<String, String>,
}

impl Handshake {
    pub(super) fn new(connection: Connection, auth: Option<&JsonText>) -> Self {
        let namespace_query = match (connection.protocol(), auth) {
            // It is made of it, so it can be read as it.
            (Protocol::V3, Some(query)) => serde_json::from_str(query.get()).unwrap_or_default(),
            _ => BTreeMap::new(),
        };
        Self {
            connection,
            auth: auth.cloned(),
            namespace_query,
        }
    }

    /// The `auth` option of the client, as a type of yours; an empty object if the client sent none.
    ///
    /// For Engine.IO 3 clients it is the query of the namespace (`io("/admin?token=x")`), whose values are strings. In `/`
    /// these have none: there read [`query`](Self::query), which has what they gave in every namespace.
    ///
    /// # Errors
    ///
    /// It is no `T`.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.auth.as_ref().map_or("{}", JsonText::get))
    }

    /// The path and query of the request.
    #[must_use]
    pub fn url(&self) -> &str {
        self.connection.handshake().uri_str()
    }

    /// The value of a parameter of the query; the last one where it stands more than once.
    ///
    /// An Engine.IO 3 client may give a query with the namespace, `io("/admin?token=x")`: as in Socket.IO 2.x, its parameters stand before
    /// those of the request.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        self.query_pairs()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value)
            .last()
    }

    /// The parameters of the query, with those of the protocol (`EIO`, `transport`, `t`). Those that an Engine.IO 3 client gave with the
    /// namespace replace those of the same name.
    pub fn query_pairs(&self) -> impl Iterator<Item = (String, String)> {
        let query = form_urlencoded::parse(self.connection.handshake().query().as_bytes());
        let replaced = |key: &str| self.namespace_query.contains_key(key);
        let query = query.filter(move |(key, _)| !replaced(key));
        let of_namespace = self.namespace_query.iter();
        query
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .chain(of_namespace.map(|(key, value)| (key.clone(), value.clone())))
    }

    /// The first header of this name, if it is text. Names are compared without regard to case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.connection
            .handshake()
            .header(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All headers in the order in which they came, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.connection.handshake().headers()
    }

    /// The address of the peer, where the server was told it: with axum, by
    /// `axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())`. Proxies are not looked through.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.connection.remote_addr()
    }

    /// When the connection was opened. In Node each namespace has a moment of its own, that of its CONNECT.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        self.connection.handshake().issued()
    }

    /// The same in the words of JavaScript's `Date`, in UTC: JS `handshake.time`. `Tue Nov 14 2023 22:13:20 GMT+0000 (Coordinated Universal
    /// Time)`.
    #[must_use]
    pub fn time_string(&self) -> String {
        js_date::to_string(self.since_1970())
    }

    /// The same in milliseconds since 1970: JS `handshake.issued`.
    #[must_use]
    pub fn issued(&self) -> u64 {
        u64::try_from(self.since_1970().as_millis()).unwrap_or(u64::MAX)
    }

    /// The request came over TLS: it was marked as [`Encrypted`](crate::layer::Encrypted), which says why it takes a mark. JS
    /// `handshake.secure`.
    #[must_use]
    #[doc(alias = "secure")]
    pub fn is_secure(&self) -> bool {
        self.connection.handshake().is_encrypted()
    }

    /// The request came from a page of another origin: it had an `Origin` header. JS `handshake.xdomain`.
    #[must_use]
    #[doc(alias = "xdomain")]
    pub fn is_cross_domain(&self) -> bool {
        self.header("origin").is_some()
    }

    fn since_1970(&self) -> Duration {
        let since = self.time().duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap_or_default()
    }
}

impl fmt::Debug for Handshake {
    // The query, the headers and the auth payload hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}
