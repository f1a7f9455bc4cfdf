//! What the client said when it came.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use serde::de::DeserializeOwned;

use crate::{
    Protocol,
    engine::Connection,
    packet::{self, JsonText},
    server::js_date,
};

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
}

impl Handshake {
    pub(super) fn new(connection: Connection, auth: Option<&JsonText>) -> Self {
        Self {
            connection,
            auth: auth.cloned(),
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
    /// An Engine.IO 3 client may give a query with the namespace, `io("/admin?token=x")`, of 16 KiB at most: as in Socket.IO 2.x, its
    /// parameters stand before those of the request.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let of_request = || {
            let pairs = self.request_query().filter(|(key, _)| key == name);
            pairs.map(|(_, value)| value.into_owned()).last()
        };
        self.namespace_query().remove(name).or_else(of_request)
    }

    /// The parameters of the query, with those of the protocol (`EIO`, `transport`, `t`). Those that an Engine.IO 3 client gave with the
    /// namespace replace those of the same name.
    pub fn query_pairs(&self) -> impl Iterator<Item = (String, String)> {
        let of_namespace = self.namespace_query();
        let of_request = self
            .request_query()
            .filter(|(key, _)| !of_namespace.contains_key(&**key));
        let of_request = of_request.map(|(key, value)| (key.into_owned(), value.into_owned()));
        let mut pairs: Vec<_> = of_request.collect();
        pairs.extend(of_namespace);
        pairs.into_iter()
    }

    fn request_query(&self) -> form_urlencoded::Parse<'_> {
        form_urlencoded::parse(self.connection.handshake().query().as_bytes())
    }

    /// What stood behind the namespace's name, for Engine.IO 3 clients. It isn't kept as a table, which would be many times as large.
    fn namespace_query(&self) -> BTreeMap<String, String> {
        match (self.connection.protocol(), &self.auth) {
            // It is made of it, so it can be read as it.
            (Protocol::V3, Some(query)) => serde_json::from_str(query.get()).unwrap_or_default(),
            _ => BTreeMap::new(),
        }
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

/// The auth payload of Socket.IO 5, or what stood in the query of the namespace in Socket.IO 4.
pub(super) fn auth(protocol: Protocol, query: Option<&str>, payload: &str) -> Option<JsonText> {
    match protocol {
        Protocol::V4 => JsonText::checked(payload),
        Protocol::V3 => {
            let query = form_urlencoded::parse(query?.as_bytes());
            // The last value of a key that stands twice wins.
            let fields: serde_json::Map<String, serde_json::Value> = query
                .filter(|(key, _)| !packet::is_read_anew(key))
                .map(|(key, value)| (key.into_owned(), value.into_owned().into()))
                .collect();
            JsonText::of(&fields).ok()
        }
    }
}
