//! Which request paths belong to the server.

use std::{error::Error, fmt};

use crate::engine::client_bundle::is_client_file;

/// The path option, checked once.
///
/// Matches whole segments, not prefixes of strings: Node also takes `/socket.iox` where no trailing slash is asked for.
/// The path is compared as it stands in the request line, percent-encoded characters stay encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathRule {
    /// Without the trailing slash; empty for the root.
    prefix: Box<str>,
    trailing_slash: bool,
}

/// Whose a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathMatch<'a> {
    /// Engine.IO's.
    Engine,
    /// It asks for the script of a client, by this name.
    File(&'a str),
    /// Somebody else's.
    None,
}

/// Why a path can't be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathError {
    /// It does not start with `/`.
    Relative,
    /// Request paths can't hold this character: they carry it percent-encoded, or never.
    Character(char),
    /// It has an empty, `.` or `..` segment, which clients resolve before they ask.
    Segment,
}

impl PathRule {
    /// The rule for a path like `/socket.io`; one trailing slash is dropped, `/` alone takes every path.
    ///
    /// With `trailing_slash` (`addTrailingSlash`, Node's default) `/socket.io` itself, without the slash, is nobody's.
    pub(crate) fn new(path: &str, trailing_slash: bool) -> Result<Self, PathError> {
        let prefix = path.strip_suffix('/').unwrap_or(path);
        if !path.starts_with('/') {
            return Err(PathError::Relative);
        }
        if let Some(stranger) = prefix
            .chars()
            .find(|c| !c.is_ascii_graphic() || matches!(c, '?' | '#'))
        {
            return Err(PathError::Character(stranger));
        }
        if prefix
            .split('/')
            .skip(1)
            .any(|segment| matches!(segment, "" | "." | ".."))
        {
            return Err(PathError::Segment);
        }
        Ok(Self {
            prefix: prefix.into(),
            trailing_slash,
        })
    }

    /// The path without its trailing slash.
    pub(crate) fn as_str(&self) -> &str {
        &self.prefix
    }

    /// Whose a request for this path is.
    pub(crate) fn matches<'a>(&self, path: &'a str) -> PathMatch<'a> {
        match path
            .strip_prefix(&*self.prefix)
            .map(|rest| (rest, rest.strip_prefix('/')))
        {
            Some((_, Some(name))) if is_client_file(name) => PathMatch::File(name),
            Some((_, Some(_))) => PathMatch::Engine,
            // An empty path under the root rule is a proxy's CONNECT, which names no path.
            Some(("", None)) if !self.trailing_slash && !path.is_empty() => PathMatch::Engine,
            _ => PathMatch::None,
        }
    }
}

impl Default for PathRule {
    fn default() -> Self {
        Self {
            prefix: "/socket.io".into(),
            trailing_slash: true,
        }
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relative => f.write_str("the path must start with `/`"),
            Self::Character(stranger) => {
                write!(
                    f,
                    "no request path holds {stranger:?}: leave it out or percent-encode it"
                )
            }
            Self::Segment => f.write_str("the path has an empty, `.` or `..` segment"),
        }
    }
}

impl Error for PathError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Path of the request; with the trailing slash asked for; without.
    const CASES: &[(&str, PathMatch<'_>, PathMatch<'_>)] = &[
        ("/socket.io/", PathMatch::Engine, PathMatch::Engine),
        ("/socket.io/anything", PathMatch::Engine, PathMatch::Engine),
        ("/socket.io/a/b", PathMatch::Engine, PathMatch::Engine),
        ("/socket.io//", PathMatch::Engine, PathMatch::Engine),
        ("/socket.io", PathMatch::None, PathMatch::Engine),
        ("/socket.iox", PathMatch::None, PathMatch::None),
        ("/socket.io.js", PathMatch::None, PathMatch::None),
        ("/Socket.io/", PathMatch::None, PathMatch::None),
        ("/socket%2Eio/", PathMatch::None, PathMatch::None),
        ("/api/socket.io/", PathMatch::None, PathMatch::None),
        ("//socket.io/", PathMatch::None, PathMatch::None),
        ("/", PathMatch::None, PathMatch::None),
        ("*", PathMatch::None, PathMatch::None),
        ("", PathMatch::None, PathMatch::None),
        (
            "/socket.io/socket.io.js",
            PathMatch::File("socket.io.js"),
            PathMatch::File("socket.io.js"),
        ),
        (
            "/socket.io/socket.io.min.js.map",
            PathMatch::File("socket.io.min.js.map"),
            PathMatch::File("socket.io.min.js.map"),
        ),
        ("/socket.io/socket.io.js/", PathMatch::Engine, PathMatch::Engine),
        ("/socket.io/../socket.io.js", PathMatch::Engine, PathMatch::Engine),
    ];

    #[test]
    fn a_path_is_matched_on_a_segment_boundary() {
        let (slash, bare) = (
            PathRule::new("/socket.io", true),
            PathRule::new("/socket.io/", false),
        );
        let (slash, bare) = (slash.unwrap(), bare.unwrap());
        for (path, with_slash, without) in CASES {
            assert_eq!(slash.matches(path), *with_slash, "{path} with a trailing slash");
            assert_eq!(bare.matches(path), *without, "{path} without");
        }
    }

    #[test]
    fn the_default_is_that_of_every_client() {
        assert_eq!(PathRule::default(), PathRule::new("/socket.io", true).unwrap());
        assert_eq!(PathRule::default().as_str(), "/socket.io");
    }

    #[test]
    fn the_root_takes_every_path() {
        for trailing_slash in [true, false] {
            let rule = PathRule::new("/", trailing_slash).unwrap();
            assert_eq!(rule.matches("/"), PathMatch::Engine);
            assert_eq!(rule.matches("/deep/down"), PathMatch::Engine);
            assert_eq!(rule.matches("/socket.io.js"), PathMatch::File("socket.io.js"));
            assert_eq!(rule.matches(""), PathMatch::None);
            assert_eq!(rule.matches("*"), PathMatch::None);
        }
    }

    #[test]
    fn percent_encoding_is_left_alone() {
        let rule = PathRule::new("/caf%C3%A9", true).unwrap();
        assert_eq!(rule.matches("/caf%C3%A9/"), PathMatch::Engine);
        assert_eq!(rule.matches("/caf%c3%a9/"), PathMatch::None);
    }

    #[test]
    fn a_path_that_no_request_can_have_is_refused() {
        let refused = [
            ("", PathError::Relative),
            ("ws", PathError::Relative),
            ("http://host/ws", PathError::Relative),
            ("/ws?x", PathError::Character('?')),
            ("/ws#x", PathError::Character('#')),
            ("/my ws", PathError::Character(' ')),
            ("/café", PathError::Character('é')),
            ("//", PathError::Segment),
            ("/ws//", PathError::Segment),
            ("/a//b", PathError::Segment),
            ("/a/../b", PathError::Segment),
            ("/./b", PathError::Segment),
        ];
        for (path, error) in refused {
            assert_eq!(PathRule::new(path, true), Err(error), "{path}");
        }
    }
}
