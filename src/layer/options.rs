//! The options of a server that are functions of requests, or other tower layers.

use std::{
    fmt,
    future::ready,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use http::{HeaderMap, request::Parts};
use tower_http::cors::CorsLayer;

use crate::{
    foreign,
    layer::cors,
    server::{BuildError, Builder},
};

/// What a function for [`Builder::generate_id`] may return: a `String`, or a `Result` of one.
pub trait GeneratedId {
    #[doc(hidden)]
    fn into_id(self) -> Result<String, String>;
}

impl GeneratedId for String {
    fn into_id(self) -> Result<String, String> {
        Ok(self)
    }
}

impl<E: fmt::Display> GeneratedId for Result<String, E> {
    fn into_id(self) -> Result<String, String> {
        self.map_err(foreign::text)
    }
}

impl Builder {
    /// What pages of other origins are told, as tower-http's layer has it: nothing by default.
    ///
    /// It applies to every answer under the path: polling, errors, the 101 of WebSockets, client files, preflights. Browsers
    /// don't ask for WebSockets, so it keeps nobody from connecting: that is for [`origins`](Self::origins), whose own CORS
    /// headers are left out if both are given.
    ///
    /// Credentials together with `*` are an error of [`build`](Self::build): browsers refuse them.
    ///
    /// The layer is that of tower-http 0.7 (`cargo add tower-http@0.7 --features cors`): one of another version is another
    /// type, which the compiler reports as a mismatch. A `CorsLayer` that wraps [`SocketIo::layer`](crate::SocketIo::layer)
    /// can be of any version, and applies to the routes of the application too.
    ///
    /// ```
    /// use axum_socketio::SocketIo;
    /// use tower_http::cors::CorsLayer;
    ///
    /// let origin = "https://example.com".parse::<http::HeaderValue>()?;
    /// let io = SocketIo::builder()
    ///     .cors(CorsLayer::new().allow_origin(origin).allow_credentials(true))
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "handlePreflightRequest")]
    #[expect(clippy::needless_pass_by_value, reason = "layers are given away")]
    pub fn cors(mut self, layer: CorsLayer) -> Self {
        // The layer has no other way to tell that its rules contradict each other.
        match catch_unwind(AssertUnwindSafe(|| cors::ask(&layer))) {
            Ok(ask) => self.gate().cors = Some(ask),
            Err(_) => self.mistaken(BuildError::new(
                "cors",
                format!("{layer:?}"),
                "browsers take no credentials together with `*`: name the origins, methods and headers",
            )),
        }
        self
    }

    /// Asked about every handshake, over polling and WebSockets, and about no later request: by default all are welcome.
    ///
    /// The error is the message of the refusal: status 403 with code 4, or 400 with the bare message where a WebSocket was
    /// asked for.
    ///
    /// ```
    /// use axum_socketio::SocketIo;
    ///
    /// let io = SocketIo::builder()
    ///     .allow_request(|head| {
    ///         if head.headers.contains_key("authorization") { Ok(()) } else { Err("who are you?") }
    ///     })
    ///     .build()?;
    /// # Ok::<(), axum_socketio::BuildError>(())
    /// ```
    pub fn allow_request<F, E>(mut self, allow: F) -> Self
    where
        F: Fn(&Parts) -> Result<(), E> + Send + Sync + 'static,
        E: fmt::Display,
    {
        self.gate().allow_request = Some(Arc::new(move |head| {
            Box::pin(ready(allow(head).map_err(foreign::text)))
        }));
        self
    }

    /// [`allow_request`](Self::allow_request) with an async function.
    ///
    /// It may take its time, as long as the client keeps its request open: there is no session yet, so neither
    /// [`connect_timeout`](Self::connect_timeout) nor [`max_connections`](Self::max_connections) has a say before it has answered. One
    /// that may wait for long should set its own limit, with `tokio::time::timeout`.
    ///
    /// ```
    /// use axum_socketio::SocketIo;
    /// use http::request::Parts;
    ///
    /// async fn allow(head: Parts) -> Result<(), &'static str> {
    ///     // Ask a database …
    ///     head.headers.get("x-token").map(drop).ok_or("no token")
    /// }
    ///
    /// let io = SocketIo::builder().allow_request_async(allow).build()?;
    /// # Ok::<(), axum_socketio::BuildError>(())
    /// ```
    pub fn allow_request_async<F, R, E>(mut self, allow: F) -> Self
    where
        F: Fn(Parts) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.gate().allow_request = Some(Arc::new(move |head| {
            let allowed = allow(head.clone());
            Box::pin(async move { allowed.await.map_err(foreign::text) })
        }));
        self
    }

    /// Makes the ids of sessions: by default 20 characters of the operating system's randomness.
    ///
    /// The id is the credential of a session: who guesses it reads along. 1 to 128 letters, digits and `-._~:@`. A function that
    /// fails, an id of other characters or one that is in use refuse the handshake with status 400 and code 3.
    ///
    /// ```
    /// use axum_socketio::SocketIo;
    ///
    /// let io = SocketIo::builder()
    ///     .generate_id(|_head| format!("node-7:{:032x}", random()))
    ///     .build()?;
    /// # fn random() -> u128 { 4 }
    /// # Ok::<(), axum_socketio::BuildError>(())
    /// ```
    #[doc(alias = "generateId")]
    pub fn generate_id<F, T>(mut self, generate: F) -> Self
    where
        F: Fn(&Parts) -> T + Send + Sync + 'static,
        T: GeneratedId,
    {
        self.gate().generate_id = Some(Arc::new(move |head| Box::pin(ready(generate(head).into_id()))));
        self
    }

    /// [`generate_id`](Self::generate_id) with an async function.
    pub fn generate_id_async<F, R>(mut self, generate: F) -> Self
    where
        F: Fn(Parts) -> R + Send + Sync + 'static,
        R: Future<Output: GeneratedId> + Send + 'static,
    {
        self.gate().generate_id = Some(Arc::new(move |head| {
            let generated = generate(head.clone());
            Box::pin(async move { generated.await.into_id() })
        }));
        self
    }

    /// Changes the headers of the answer to every successful handshake, the 101 of WebSockets included: JS
    /// `io.engine.on("initial_headers", …)`. Should it panic, that is traced, and the answer goes out as it is by then.
    pub fn initial_headers(mut self, hook: impl Fn(&mut HeaderMap, &Parts) + Send + Sync + 'static) -> Self {
        self.gate().initial_headers = Some(Arc::new(hook));
        self
    }

    /// Changes the headers of the answer to every request that is served, the 101 of WebSockets included: JS
    /// `io.engine.on("headers", …)`. Like there, refusals are left alone. Should it panic, that is
    /// traced, and the answer goes out as it is by then.
    pub fn headers(mut self, hook: impl Fn(&mut HeaderMap, &Parts) + Send + Sync + 'static) -> Self {
        self.gate().headers = Some(Arc::new(hook));
        self
    }
}
