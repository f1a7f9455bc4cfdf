//! The cookie that tells a load balancer which session a polling client has.

use std::{fmt::Write as _, time::Duration};

/// A cookie with the session id, for load balancers that keep clients on one server by a cookie.
///
/// The server never reads it. It is set by the answer to a polling handshake, never by that to a WebSocket. Off by default,
/// as since Socket.IO 3.
///
/// ```
/// use std::time::Duration;
/// use axum_socketio::{SocketIo, layer::{Cookie, SameSite}};
///
/// // Set-Cookie: io=<session id>; Path=/; HttpOnly; SameSite=Lax
/// let io = SocketIo::builder().cookie(Cookie::new()).build()?;
/// // What Socket.IO 2.x sends: SameSite=Strict, with every polling response.
/// let io = SocketIo::builder()
///     .cookie(Cookie::new().same_site(SameSite::Strict).every_response(true))
///     .build()?;
/// let io = SocketIo::builder()
///     .cookie(Cookie::new().name("node").max_age(Duration::from_secs(86_400)).secure(true))
///     .build()?;
/// # Ok::<(), axum_socketio::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "give it to `Builder::cookie`"]
pub struct Cookie {
    name: String,
    path: Option<String>,
    domain: Option<String>,
    max_age: Option<Duration>,
    http_only: bool,
    secure: bool,
    same_site: Option<SameSite>,
    every_response: bool,
}

/// With which requests of other sites a browser sends the cookie (RFC 6265bis §5.4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// With none.
    Strict,
    /// With navigations.
    Lax,
    /// With all; browsers want [`secure`](Cookie::secure) too.
    None,
}

impl Cookie {
    /// `io=<session id>; Path=/; HttpOnly; SameSite=Lax`.
    pub fn new() -> Self {
        Self {
            name: "io".to_owned(),
            path: Some("/".to_owned()),
            domain: None,
            max_age: None,
            http_only: true,
            secure: false,
            same_site: Some(SameSite::Lax),
            every_response: false,
        }
    }

    /// The name: `io` by default.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The path below which browsers send it: `/` by default.
    #[doc(alias = "cookiePath")]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Leaves the path out, so that browsers take that of the server.
    pub fn without_path(mut self) -> Self {
        self.path = None;
        self
    }

    /// The domain whose hosts get it: by default only the host that set it.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// How long browsers keep it, in whole seconds: by default until they are closed.
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Whether scripts of a page are kept from reading it: true by default.
    #[doc(alias = "cookieHttpOnly")]
    pub const fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Whether browsers send it over TLS only: false by default.
    pub const fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// `Lax` by default. `None` (of `Option`) leaves the attribute out.
    pub fn same_site(mut self, same_site: impl Into<Option<SameSite>>) -> Self {
        self.same_site = same_site.into();
        self
    }

    /// Whether it is set by every answer to a polling request, as in Socket.IO 2.x: false by default.
    pub const fn every_response(mut self, every: bool) -> Self {
        self.every_response = every;
        self
    }

    pub(crate) const fn is_on_every_response(&self) -> bool {
        self.every_response
    }

    /// What browsers would not understand.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        let token = |byte: u8| byte.is_ascii_graphic() && !br#"()<>@,;:\"/[]?={}"#.contains(&byte);
        let value = |text: &str| {
            text.bytes()
                .all(|byte| (0x20..0x7f).contains(&byte) && byte != b';')
        };
        if self.name.is_empty() || !self.name.bytes().all(token) {
            return Some("its name has to be a token (RFC 6265 §4.1.1)");
        }
        if !self.path.as_deref().is_none_or(value) {
            return Some("its path has characters that end the attribute");
        }
        if !self.domain.as_deref().is_none_or(value) {
            return Some("its domain has characters that end the attribute");
        }
        (self.same_site == Some(SameSite::None) && !self.secure)
            .then_some("browsers drop `SameSite=None` cookies that are not `secure`")
    }

    /// The value of `Set-Cookie`, attributes in the order of Node's serializer.
    pub(crate) fn render(&self, sid: &str) -> String {
        let mut text = format!("{}={sid}", self.name);
        if let Some(age) = self.max_age {
            let _ = write!(text, "; Max-Age={}", age.as_secs());
        }
        if let Some(domain) = &self.domain {
            let _ = write!(text, "; Domain={domain}");
        }
        if let Some(path) = &self.path {
            let _ = write!(text, "; Path={path}");
        }
        if self.http_only {
            text.push_str("; HttpOnly");
        }
        if self.secure {
            text.push_str("; Secure");
        }
        if let Some(same_site) = self.same_site {
            let _ = write!(text, "; SameSite={same_site:?}");
        }
        text
    }
}

impl Default for Cookie {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_nodes_byte_for_byte() {
        let cases = [
            (Cookie::new(), "io=s; Path=/; HttpOnly; SameSite=Lax"),
            (
                Cookie::new().same_site(SameSite::Strict),
                "io=s; Path=/; HttpOnly; SameSite=Strict",
            ),
            (
                Cookie::new()
                    .name("test")
                    .max_age(Duration::from_secs(86_400))
                    .domain("x.y")
                    .path("/custom")
                    .http_only(false)
                    .secure(true),
                "test=s; Max-Age=86400; Domain=x.y; Path=/custom; Secure; SameSite=Lax",
            ),
            (Cookie::new().without_path().same_site(None), "io=s; HttpOnly"),
        ];
        for (cookie, text) in cases {
            assert_eq!(cookie.flaw(), None);
            assert_eq!(cookie.render("s"), text);
        }
    }

    #[test]
    fn a_cookie_that_browsers_would_drop_is_found() {
        for cookie in [
            Cookie::new().name(""),
            Cookie::new().name("a b"),
            Cookie::new().path("/;x"),
            Cookie::new().domain("a\r\nb"),
            Cookie::new().same_site(SameSite::None),
        ] {
            assert!(cookie.flaw().is_some(), "{cookie:?}");
        }
    }
}
