//! What the client said when it came.

use std::{fmt, net::SocketAddr, time::SystemTime};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::engine::Connection;

/// How a socket came: the request that opened its connection, and what it sent to connect to its namespace.
///
/// JS `socket.handshake`. The request's headers are kept in one compact allocation and read from there.
pub struct Handshake {
    connection: Connection,
    auth: Option<Box<RawValue>>,
    time: SystemTime,
}

impl Handshake {
    pub(super) fn new(connection: Connection, auth: Option<&RawValue>) -> Self {
        let time = connection.handshake().issued();
        Self {
            connection,
            auth: auth.map(ToOwned::to_owned),
            time,
        }
    }

    /// The `auth` option of the client, as a type of yours; an empty object if the client sent none.
    ///
    /// For Engine.IO 3 clients it is the query of the namespace (`io("/admin?token=x")`), whose values are strings.
    ///
    /// # Errors
    ///
    /// It is no `T`.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.auth.as_deref().map_or("{}", RawValue::get))
    }

    /// The path and query of the request.
    #[must_use]
    pub fn url(&self) -> &str {
        self.connection.handshake().uri_str()
    }

    /// The value of a parameter of the request's query; the last one where it stands more than once.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        self.query_pairs()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value)
            .last()
    }

    /// The parameters of the request's query, with those of the protocol (`EIO`, `transport`, `t`).
    pub fn query_pairs(&self) -> impl Iterator<Item = (String, String)> {
        let query = form_urlencoded::parse(self.connection.handshake().query().as_bytes());
        query.map(|(key, value)| (key.into_owned(), value.into_owned()))
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

    /// The address of the peer, where the server was told it. Proxies are not looked through.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.connection.remote_addr()
    }

    /// When the connection was opened. JS `handshake.issued`, `handshake.time`.
    #[must_use]
    #[doc(alias = "issued")]
    pub const fn time(&self) -> SystemTime {
        self.time
    }

    /// The request came from a page of another origin: it had an `Origin` header. JS `handshake.xdomain`.
    #[must_use]
    #[doc(alias = "xdomain")]
    pub fn is_cross_domain(&self) -> bool {
        self.header("origin").is_some()
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
