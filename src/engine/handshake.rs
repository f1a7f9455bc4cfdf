//! A compact copy of the request that opened a connection.

use std::{
    fmt,
    net::{SocketAddr, SocketAddrV6},
    sync::OnceLock,
    time::SystemTime,
};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, request::Parts};
use hyper::upgrade::OnUpgrade;
use smallvec::SmallVec;
use tracing::Span;

use crate::foreign;

/// The longest request head that is kept, in bytes. Browsers send one or two thousand; HTTP servers take far more, and a
/// client could have it kept for every connection.
pub(crate) const MAX_HEAD: usize = 16 * 1024;

/// The extensions that are the same for every request that has no others.
static COMMON: OnceLock<Extensions> = OnceLock::new();

/// The request that opened a connection, kept for the connection's life.
///
/// The peer's address, the method, the target and all headers stand in one allocation, each behind its length. The originals would be
/// slices of the HTTP connection's read buffer, and a single header value kept alive keeps the whole of it.
///
/// ```text
/// address │ method │ target │ name │ value │ name │ value │ …
/// ```
pub(crate) struct Handshake {
    fields: Box<[u8]>,
    issued: SystemTime,
    /// Empty if they are [`COMMON`].
    extensions: Extensions,
    version: Version,
    common: bool,
    encrypted: bool,
}

/// Marks a request as one that came over TLS: a request extension, which whoever knows it adds.
///
/// A layer can't see it, because TLS ends before HTTP begins, and neither headers nor the scheme of an HTTP/2 request prove it: clients
/// write both. So nothing is taken for encrypted by itself. Add the mark where only encrypted requests come by, such as on the router of
/// a server that listens with TLS; or, behind a proxy that ends TLS, in a middleware that believes this proxy's `X-Forwarded-Proto`:
///
/// ```
/// use axum::{Extension, Router};
/// use axum_socketio::{Socket, SocketIo, layer::Encrypted};
///
/// let io = SocketIo::new();
/// io.of("/").on_connect(async |socket: Socket| println!("{}", socket.handshake().is_secure()));
///
/// // Outside of the Socket.IO layer, so that the request has it when it gets there.
/// let router: Router = Router::new().layer(io.layer()).layer(Extension(Encrypted));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it says all there is by being there")]
pub struct Encrypted;

/// The span of the session, among the extensions: who has none pays nothing for it.
#[derive(Clone)]
struct SessionSpan(Span);

impl Handshake {
    /// Whether a request head is short enough to be kept for the life of a connection.
    pub(crate) fn fits(parts: &Parts) -> bool {
        head_len(parts) <= MAX_HEAD
    }

    /// Copies the request. The user's extensions are kept as they are, unless they are the `common` ones.
    pub(crate) fn new(parts: Parts, remote: Option<SocketAddr>, common: bool, issued: SystemTime) -> Self {
        let fields = copy_fields(&parts, remote);
        let mut extensions = own_extensions(parts.extensions);
        // A bit instead of a map with one entry.
        let encrypted = extensions.remove::<Encrypted>().is_some();
        if common {
            let own = std::mem::take(&mut extensions);
            COMMON.get_or_init(|| own);
        }
        Self {
            fields,
            issued,
            extensions,
            version: parts.version,
            common,
            encrypted,
        }
    }

    /// Keeps the span of the session, if somebody wants it.
    pub(super) fn set_span(&mut self, span: Span) {
        if !span.is_disabled() {
            self.extensions.insert(SessionSpan(span));
        }
    }

    pub(super) fn span(&self) -> Span {
        let span = self.extensions.get::<SessionSpan>();
        span.map_or_else(Span::none, |SessionSpan(span)| span.clone())
    }

    pub(crate) fn remote_addr(&self) -> Option<SocketAddr> {
        read_address(self.fields().next()?)
    }

    pub(crate) fn issued(&self) -> SystemTime {
        self.issued
    }

    pub(crate) const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    pub(crate) fn method(&self) -> &str {
        text(self.fields().nth(1).unwrap_or_default())
    }

    /// Path and query, as the request line of HTTP/1.1 has them.
    pub(crate) fn uri_str(&self) -> &str {
        let target = self.target();
        // HTTP/2 gives the whole address, scheme and authority first.
        match target.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => &rest[rest.find('/').unwrap_or(rest.len())..],
            _ => target,
        }
    }

    /// The query without its question mark; empty if there is none.
    pub(crate) fn query(&self) -> &str {
        self.target().split_once('?').map_or("", |(_, query)| query)
    }

    /// The first header of this name. Names are compared without regard to case.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All headers in the order they came, names in lower case.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut fields = self.fields();
        fields.nth(2);
        std::iter::from_fn(move || Some((text(fields.next()?), fields.next()?)))
    }

    /// The request head as it was, built anew.
    pub(crate) fn parts(&self) -> Parts {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.method = Method::from_bytes(self.method().as_bytes()).unwrap_or_default();
        parts.uri = Uri::try_from(self.target()).unwrap_or_default();
        parts.version = self.version;
        parts.headers = self.header_map();
        let common = COMMON.get().filter(|_| self.common);
        parts.extensions = common.unwrap_or(&self.extensions).clone();
        if self.encrypted {
            parts.extensions.insert(Encrypted);
        }
        parts.extensions.remove::<SessionSpan>();
        parts
    }

    fn header_map(&self) -> HeaderMap {
        self.headers()
            .filter_map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                Some((name, HeaderValue::from_bytes(value).ok()?))
            })
            .collect()
    }

    fn target(&self) -> &str {
        text(self.fields().nth(2).unwrap_or_default())
    }

    fn fields(&self) -> Fields<'_> {
        Fields(&self.fields)
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        foreign::dispose(std::mem::take(&mut self.extensions));
    }
}

impl fmt::Debug for Handshake {
    // The target and the headers hold credentials, so they aren't shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("remote", &self.remote_addr())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Length-prefixed byte strings, the lengths in seven bits a byte with the lowest first.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&first, mut rest) = self.0.split_first()?;
        let mut length = usize::from(first & 0x7f);
        let (mut last, mut shift) = (first, 7);
        while last & 0x80 != 0 {
            (last, rest) = rest.split_first().map(|(&byte, rest)| (byte, rest))?;
            length |= usize::from(last & 0x7f) << shift;
            shift += 7;
        }
        let (field, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }
}

fn copy_fields(parts: &Parts, remote: Option<SocketAddr>) -> Box<[u8]> {
    let target = parts.uri.to_string();
    // A close upper bound, so that the copy is one allocation and shrinking it moves little.
    let mut fields = Vec::with_capacity(head_len(parts) + MAX_ADDRESS);
    push_field(&mut fields, &address(remote));
    push_field(&mut fields, parts.method.as_str().as_bytes());
    push_field(&mut fields, target.as_bytes());
    for (name, value) in &parts.headers {
        push_field(&mut fields, name.as_str().as_bytes());
        push_field(&mut fields, value.as_bytes());
    }
    fields.into_boxed_slice()
}

/// The longest [`address`], with its length.
const MAX_ADDRESS: usize = 1 + 16 + 2 + 4 + 4;

/// The peer's address in as many bytes as it needs: none if it isn't known.
fn address(remote: Option<SocketAddr>) -> SmallVec<[u8; MAX_ADDRESS]> {
    let mut bytes = SmallVec::new();
    match remote {
        None => {}
        Some(SocketAddr::V4(address)) => {
            bytes.extend_from_slice(&address.ip().octets());
            bytes.extend_from_slice(&address.port().to_be_bytes());
        }
        Some(SocketAddr::V6(address)) => {
            bytes.extend_from_slice(&address.ip().octets());
            bytes.extend_from_slice(&address.port().to_be_bytes());
            bytes.extend_from_slice(&address.flowinfo().to_be_bytes());
            bytes.extend_from_slice(&address.scope_id().to_be_bytes());
        }
    }
    bytes
}

/// What [`address`] wrote.
fn read_address(bytes: &[u8]) -> Option<SocketAddr> {
    if let Some((ip, port)) = bytes.split_first_chunk::<4>()
        && let Ok(port) = <[u8; 2]>::try_from(port)
    {
        return Some((*ip, u16::from_be_bytes(port)).into());
    }
    let (ip, rest) = bytes.split_first_chunk::<16>()?;
    let (port, rest) = rest.split_first_chunk()?;
    let (flowinfo, scope) = rest.split_first_chunk()?;
    let scope = u32::from_be_bytes(scope.try_into().ok()?);
    let (port, flowinfo) = (u16::from_be_bytes(*port), u32::from_be_bytes(*flowinfo));
    Some(SocketAddrV6::new((*ip).into(), port, flowinfo, scope).into())
}

/// The length of a request head, in the form HTTP/1.1 gives it: what separates its fields is four bytes for each.
fn head_len(parts: &Parts) -> usize {
    let headers = parts.headers.iter();
    let headers: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    parts.method.as_str().len() + target_len(&parts.uri) + headers + 4
}

/// The length of the target as it is displayed.
fn target_len(uri: &Uri) -> usize {
    let scheme = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    scheme + authority + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

fn push_field(fields: &mut Vec<u8>, field: &[u8]) {
    let mut length = field.len();
    while length >= 0x80 {
        fields.push(low_byte(length) | 0x80);
        length >>= 7;
    }
    fields.push(low_byte(length));
    fields.extend_from_slice(field);
}

fn low_byte(length: usize) -> u8 {
    u8::try_from(length & 0x7f).expect("invariant: seven bits fit a byte")
}

/// The extensions without hyper's own, which are of no use after the handshake and would keep its buffers alive.
fn own_extensions(mut extensions: Extensions) -> Extensions {
    extensions.remove::<OnUpgrade>();
    extensions.remove::<hyper::ext::Protocol>();
    if extensions.is_empty() {
        Extensions::new()
    } else {
        extensions
    }
}

fn text(field: &[u8]) -> &str {
    std::str::from_utf8(field).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;

    fn parts(target: &str, headers: &[(&str, &[u8])]) -> Parts {
        let (mut parts, ()) = http::Request::get(target).body(()).unwrap().into_parts();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            parts
                .headers
                .append(name, HeaderValue::from_bytes(value).unwrap());
        }
        parts
    }

    fn copy(parts: Parts) -> Handshake {
        Handshake::new(parts, None, false, UNIX_EPOCH)
    }

    #[test]
    fn an_address_of_either_kind_is_kept_whole() {
        let scoped = SocketAddrV6::new([0xfe80, 0, 0, 0, 1, 2, 3, 4].into(), 65_535, 7, 9);
        let addresses = [
            None,
            Some("127.0.0.1:8080".parse().unwrap()),
            Some("[::ffff:10.0.0.1]:1".parse().unwrap()),
            Some(SocketAddr::V6(scoped)),
        ];
        for remote in addresses {
            assert_eq!(read_address(&address(remote)), remote);
        }
    }

    #[test]
    fn the_request_can_be_rebuilt() {
        let headers: &[(&str, &[u8])] = &[
            ("host", b"example.org"),
            ("cookie", b"a=1"),
            ("cookie", b"b=\xff"),
            ("x-empty", b""),
        ];
        let mut original = parts("/socket.io/?EIO=4&transport=polling", headers);
        original.version = Version::HTTP_2;
        original.extensions.insert(7_u8);
        let handshake = copy(original.clone());
        let rebuilt = handshake.parts();
        assert_eq!(rebuilt.method, original.method);
        assert_eq!(rebuilt.uri, original.uri);
        assert_eq!(rebuilt.version, original.version);
        assert_eq!(rebuilt.headers, original.headers);
        assert_eq!(rebuilt.extensions.get::<u8>(), Some(&7));
    }

    #[derive(Clone)]
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a test panics on purpose");
        }
    }

    /// A connection may be dropped wherever others are looked after.
    #[test]
    fn extensions_whose_drop_panics_are_dropped_all_the_same() {
        let mut original = parts("/", &[]);
        original.extensions.insert(Bomb);
        drop(copy(original));
    }

    #[test]
    fn the_mark_of_encryption_is_a_bit_and_comes_back() {
        let mut original = parts("/", &[]);
        original.extensions.insert(Encrypted);
        let handshake = copy(original);
        assert!(handshake.is_encrypted());
        assert!(handshake.extensions.is_empty());
        assert!(handshake.parts().extensions.get::<Encrypted>().is_some());
        assert!(!copy(parts("/", &[])).is_encrypted());
        assert!(size_of::<Handshake>() <= 48, "{}", size_of::<Handshake>());
    }

    #[test]
    fn fields_can_be_read_without_rebuilding() {
        let handshake = copy(parts(
            "/socket.io/?EIO=4&name=x?y",
            &[("Host", b"a"), ("host", b"b")],
        ));
        assert_eq!(handshake.method(), "GET");
        assert_eq!(handshake.uri_str(), "/socket.io/?EIO=4&name=x?y");
        assert_eq!(handshake.query(), "EIO=4&name=x?y");
        assert_eq!(handshake.header("HOST"), Some(&b"a"[..]));
        assert_eq!(handshake.header("cookie"), None);
        assert_eq!(
            handshake.headers().collect::<Vec<_>>(),
            [("host", &b"a"[..]), ("host", b"b")]
        );
    }

    #[test]
    fn the_target_of_http2_is_read_as_that_of_http1() {
        for (target, path) in [
            (
                "https://example.org/socket.io/?a=http://x/",
                "/socket.io/?a=http://x/",
            ),
            ("/socket.io/?a=http://x/", "/socket.io/?a=http://x/"),
            ("https://example.org", "/"),
        ] {
            assert_eq!(copy(parts(target, &[])).uri_str(), path);
        }
    }

    #[test]
    fn a_browsers_headers_cost_little_more_than_their_bytes() {
        let value = [b'v'; 40];
        let names: Vec<String> = (0..10).map(|index| format!("x-header-{index}")).collect();
        let headers: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &value[..])).collect();
        let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let handshake = copy(parts("/socket.io/?EIO=4&transport=websocket", &headers));
        let cost = handshake.fields.len() + size_of::<Handshake>();
        assert!(cost <= bytes + 160, "{cost} for {bytes}");
    }

    #[test]
    fn the_length_of_a_head_is_known_without_a_copy() {
        for target in [
            "/socket.io/?EIO=4",
            "*",
            "example.com:443",
            "https://user@example.com:443/a?b=c",
        ] {
            let parts = parts(target, &[("a", b"bc")]);
            assert_eq!(target_len(&parts.uri), parts.uri.to_string().len(), "{target}");
            assert_eq!(
                head_len(&parts),
                "GET".len() + target.len() + 4 + "a: bc\r\n".len()
            );
        }
    }

    #[test]
    fn extensions_that_only_serve_the_http_server_are_dropped() {
        let mut original = parts("/", &[]);
        original
            .extensions
            .insert(hyper::ext::Protocol::from_static("websocket"));
        assert!(copy(original).parts().extensions.is_empty());
    }

    proptest! {
        #[test]
        fn fields_of_any_length_are_found_again(lengths in prop::collection::vec(0_usize..20_000, 0..8)) {
            let mut fields = Vec::new();
            for length in &lengths {
                push_field(&mut fields, &vec![b'x'; *length]);
            }
            let found: Vec<usize> = Fields(&fields).map(<[u8]>::len).collect();
            prop_assert_eq!(found, lengths);
        }
    }
}
