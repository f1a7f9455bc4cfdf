//! The browser's script, served under the same path: which files, and how a request for one is answered.

use std::{collections::BTreeMap, error::Error, fmt, io, path::PathBuf, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use sha1::{Digest, Sha1};

/// What the builds of the npm package `socket.io-client` are called, 2.x (`slim`) to 4.x; each may have a `.map`.
const SCRIPTS: [&str; 5] = [
    "socket.io.js",
    "socket.io.min.js",
    "socket.io.esm.min.js",
    "socket.io.msgpack.min.js",
    "socket.io.slim.js",
];

/// A bundle without any of these is a mistake: it is what pages ask for.
const USUAL: [&str; 2] = ["socket.io.js", "socket.io.min.js"];

/// The JavaScript client, served to browsers from the server's own path: `/socket.io/socket.io.js`.
///
/// Node's server brings the client along (`serveClient`); a crate can't, so say where it is: a
/// [directory](Self::from_dir), usually that of the npm package, or [bytes](Self::embedded) in the executable. Either way
/// it is read and checked when the bundle is made and held in memory.
///
/// Reach for it when pages say `<script src="/socket.io/socket.io.js">`. Pages that import the client from their own
/// bundle or a CDN don't need it.
///
/// Served are `socket.io.js`, `socket.io.min.js`, `socket.io.esm.min.js`, `socket.io.msgpack.min.js`, and 2.x's
/// `socket.io.slim.js`, with their `.map`s, as far as the bundle has them, for `GET` and `HEAD`, with a strong `ETag` and
/// `Cache-Control: public, max-age=0`: browsers ask again and get a bodiless 304. Anything that wraps the layer, such as
/// tower-http's compression or CORS layers, applies to them as well.
///
/// A clone is the same bundle.
#[derive(Clone)]
pub struct ClientBundle {
    files: Arc<BTreeMap<Box<str>, ClientFile>>,
}

/// Why a [`ClientBundle`] could not be made.
#[derive(Debug)]
pub struct ClientBundleError(ClientBundleErrorKind);

#[derive(Debug)]
enum ClientBundleErrorKind {
    Unreadable { file: PathBuf, source: io::Error },
    Unknown(Box<str>),
    Missing { directory: Option<PathBuf> },
}

/// One file of a bundle, ready to be sent.
pub(crate) struct ClientFile {
    bytes: Bytes,
    etag: HeaderValue,
    content_type: &'static str,
}

/// Whether the npm package has a file of this name that is meant for browsers.
pub(crate) fn is_client_file(name: &str) -> bool {
    SCRIPTS.contains(&name.strip_suffix(".map").unwrap_or(name))
}

impl ClientBundle {
    /// A bundle of files that are part of the executable.
    ///
    /// The names are those under which browsers ask for them.
    ///
    /// ```
    /// use axum_socketio::layer::ClientBundle;
    ///
    /// // In a program of yours: include_bytes!("../node_modules/socket.io-client/dist/socket.io.min.js")
    /// static SCRIPT: &[u8] = b"/* Socket.IO */";
    ///
    /// let bundle = ClientBundle::embedded(&[("socket.io.min.js", SCRIPT)])?;
    /// # Ok::<(), axum_socketio::layer::ClientBundleError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A name is none that [`ClientBundle`] lists, or neither `socket.io.js` nor `socket.io.min.js` is among them.
    pub fn embedded(files: &[(&str, &'static [u8])]) -> Result<Self, ClientBundleError> {
        Self::new(
            files
                .iter()
                .map(|(name, bytes)| (*name, Bytes::from_static(bytes))),
            None,
        )
    }

    /// A bundle of these files, which came from this directory.
    pub(crate) fn new<'a>(
        files: impl IntoIterator<Item = (&'a str, Bytes)>,
        directory: Option<PathBuf>,
    ) -> Result<Self, ClientBundleError> {
        let mut bundle = BTreeMap::new();
        for (name, bytes) in files {
            if !is_client_file(name) {
                return Err(ClientBundleError(ClientBundleErrorKind::Unknown(name.into())));
            }
            bundle.insert(name.into(), ClientFile::new(name, bytes));
        }
        if !USUAL.iter().any(|name| bundle.contains_key(*name)) {
            return Err(ClientBundleError(ClientBundleErrorKind::Missing { directory }));
        }
        Ok(Self {
            files: Arc::new(bundle),
        })
    }

    /// Every name that a bundle may serve.
    pub(crate) fn names() -> impl Iterator<Item = String> {
        SCRIPTS
            .iter()
            .flat_map(|script| [String::from(*script), format!("{script}.map")])
    }

    pub(crate) fn get(&self, name: &str) -> Option<&ClientFile> {
        self.files.get(name)
    }
}

impl ClientBundleError {
    pub(crate) const fn unreadable(file: PathBuf, source: io::Error) -> Self {
        Self(ClientBundleErrorKind::Unreadable { file, source })
    }
}

impl ClientFile {
    fn new(name: &str, bytes: Bytes) -> Self {
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha1::digest(&bytes)));
        let etag = HeaderValue::try_from(etag).expect("invariant: base64 in quotes is a header value");
        let content_type = if name.ends_with(".map") {
            "application/json; charset=utf-8"
        } else {
            "application/javascript; charset=utf-8"
        };
        Self {
            bytes,
            etag,
            content_type,
        }
    }

    /// The answer to a request for this file.
    pub(crate) fn respond(&self, method: &Method, headers: &HeaderMap) -> Response<Bytes> {
        match *method {
            Method::GET | Method::HEAD if self.is_known(headers) => self.unchanged(),
            Method::GET => self.full(self.bytes.clone()),
            Method::HEAD => self.full(Bytes::new()),
            _ => method_not_allowed(),
        }
    }

    fn full(&self, body: Bytes) -> Response<Bytes> {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        // Set by hand because of HEAD, whose body is empty but whose length is that of GET (RFC 9110 §8.6).
        headers.insert(header::CONTENT_LENGTH, self.bytes.len().into());
        self.validators(response)
    }

    fn unchanged(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        self.validators(response)
    }

    /// What a 200 and its 304 have in common (RFC 9110 §15.4.5).
    fn validators(&self, mut response: Response<Bytes>) -> Response<Bytes> {
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=0"),
        );
        response
    }

    /// Whether the client has this very content: `If-None-Match`, compared weakly (RFC 9110 §13.1.2).
    ///
    /// Splitting at commas is enough, though quoted tags may hold some: ours never does, so no piece of one equals it.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        let lists = headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .map(HeaderValue::as_bytes);
        lists
            .flat_map(|list| list.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == self.etag.as_bytes())
    }
}

fn method_not_allowed() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

impl fmt::Debug for ClientBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientBundle").field(&self.files.keys()).finish()
    }
}

impl fmt::Display for ClientBundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ClientBundleErrorKind::Unreadable { file, .. } => {
                write!(f, "can't read {}, a file of the Socket.IO client", file.display())
            }
            ClientBundleErrorKind::Unknown(name) => {
                write!(
                    f,
                    "{name:?} is no file of the Socket.IO client that browsers ask for"
                )
            }
            ClientBundleErrorKind::Missing {
                directory: Some(directory),
            } => write!(
                f,
                "the Socket.IO client is not there: {} does not exist; `npm install socket.io-client` brings it \
                 as node_modules/socket.io-client/dist/socket.io.js",
                directory.join(USUAL[0]).display()
            ),
            ClientBundleErrorKind::Missing { directory: None } => {
                f.write_str("the client bundle has neither socket.io.js nor socket.io.min.js")
            }
        }
    }
}

impl Error for ClientBundleError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            ClientBundleErrorKind::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &[u8] = b"var io = 1;";

    fn bundle() -> ClientBundle {
        ClientBundle::embedded(&[("socket.io.js", SCRIPT), ("socket.io.js.map", b"{}")]).unwrap()
    }

    fn answer(name: &str, method: &Method, if_none_match: &[&str]) -> Response<Bytes> {
        let mut headers = HeaderMap::new();
        for list in if_none_match {
            headers.append(header::IF_NONE_MATCH, list.parse().unwrap());
        }
        bundle().get(name).unwrap().respond(method, &headers)
    }

    fn etag() -> String {
        let response = answer("socket.io.js", &Method::GET, &[]);
        response.headers()[header::ETAG].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_file_comes_with_its_type_length_and_validator() {
        let response = answer("socket.io.js", &Method::GET, &[]);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/javascript; charset=utf-8"
        );
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "11");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=0");
        assert_eq!(response.body(), SCRIPT);
        let map = answer("socket.io.js.map", &Method::GET, &[]);
        assert_eq!(
            map.headers()[header::CONTENT_TYPE],
            "application/json; charset=utf-8"
        );
        assert_ne!(map.headers()[header::ETAG], etag(), "the tag follows the content");
        assert!(
            etag().starts_with('"') && etag().ends_with('"'),
            "a strong tag: {}",
            etag()
        );
    }

    #[test]
    fn head_is_get_without_the_body() {
        let response = answer("socket.io.js", &Method::HEAD, &[]);
        assert_eq!(
            response.headers(),
            answer("socket.io.js", &Method::GET, &[]).headers()
        );
        assert!(response.body().is_empty());
    }

    #[test]
    fn who_has_the_content_is_not_sent_it_again() {
        let tag = etag();
        let known = [
            vec![tag.clone()],
            vec![format!("W/{tag}")],
            vec!["*".to_owned()],
            vec![format!("\"a\" , \"b,c\",\t W/{tag} ,\"z\"")],
            vec!["\"a\"".to_owned(), tag.clone()],
        ];
        for lists in known {
            let lists: Vec<_> = lists.iter().map(String::as_str).collect();
            for method in [Method::GET, Method::HEAD] {
                let response = answer("socket.io.js", &method, &lists);
                assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{lists:?}");
                assert!(response.body().is_empty());
                assert_eq!(response.headers()[header::ETAG], tag);
            }
        }
        for other in [
            "\"a\"",
            "",
            ",",
            "w/*",
            tag.trim_matches('"'),
            &format!("W/W/{tag}"),
        ] {
            assert_eq!(
                answer("socket.io.js", &Method::GET, &[other]).status(),
                StatusCode::OK,
                "{other}"
            );
        }
    }

    #[test]
    fn only_get_and_head_are_allowed() {
        for method in [Method::POST, Method::PUT, Method::OPTIONS, Method::CONNECT] {
            let response = answer("socket.io.js", &method, &["*"]);
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(response.headers()[header::ALLOW], "GET, HEAD");
        }
    }

    #[test]
    fn a_bundle_that_pages_could_not_use_is_refused() {
        let message =
            |files: &[(&str, &'static [u8])]| ClientBundle::embedded(files).unwrap_err().to_string();
        assert!(message(&[]).contains("socket.io.min.js"));
        assert!(message(&[("socket.io.msgpack.min.js", SCRIPT)]).contains("neither"));
        assert!(message(&[("socket.io.js", SCRIPT), ("index.html", b"")]).contains("index.html"));
        assert!(ClientBundle::embedded(&[("socket.io.min.js", SCRIPT)]).is_ok());
    }

    #[test]
    fn names_and_the_check_of_names_agree() {
        assert!(ClientBundle::names().all(|name| is_client_file(&name)));
        assert_eq!(ClientBundle::names().count(), 2 * SCRIPTS.len());
        assert!(!is_client_file("") && !is_client_file(".map") && !is_client_file("socket.io.js.map.map"));
    }
}
