//! One entry of a list of origins.

use std::fmt;

/// What an origin has to be; `None` is anything.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    scheme: Option<Box<str>>,
    host: Option<Box<str>>,
    port: Option<u16>,
}

impl Pattern {
    pub(super) const ANY: Self = Self {
        scheme: None,
        host: None,
        port: None,
    };

    pub(super) fn parse(entry: &str) -> Result<Self, &'static str> {
        if entry == "*" {
            return Ok(Self::ANY);
        }
        let entry = entry.to_ascii_lowercase();
        let (scheme, rest) = match entry.split_once("://") {
            Some((scheme, rest)) if !scheme.is_empty() => (Some(scheme), rest),
            Some(_) => return Err("it has no scheme before `://`"),
            None => (None, &*entry),
        };
        if rest.contains(['/', '?', '#', '@']) || rest.contains(char::is_whitespace) {
            return Err("an origin is scheme, host and port: no trailing slash, path, user or space");
        }
        let (host, port) = split_port(rest);
        let port = match (port, scheme) {
            (Some("*"), _) => None,
            (Some(port), _) => Some(
                port.parse()
                    .map_err(|_| "its port is no number from 0 to 65535, nor `*`")?,
            ),
            (None, Some(scheme)) => Some(default_port(scheme)),
            (None, None) => return Err("it has no port: say `host:443`, `host:*` or `https://host`"),
        };
        if host.is_empty() || (host.contains('*') && host != "*") {
            return Err("its host has to be a whole name or address, or `*`");
        }
        Ok(Self {
            scheme: scheme.map(Into::into),
            host: (host != "*").then(|| host.into()),
            port,
        })
    }

    pub(super) fn admits(&self, origin: &str) -> bool {
        if *self == Self::ANY {
            return true;
        }
        let origin = origin.to_ascii_lowercase();
        let Some((scheme, rest)) = origin.split_once("://") else {
            return false;
        };
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let address = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = split_port(address);
        let port = match port {
            Some(port) => port.parse().ok(),
            None => Some(default_port(scheme)),
        };
        let Some(port) = port else { return false };
        !host.is_empty()
            && self.scheme.as_deref().is_none_or(|wanted| wanted == scheme)
            && self.host.as_deref().is_none_or(|wanted| wanted == host)
            && self.port.is_none_or(|wanted| wanted == port)
    }
}

/// Host and port; the colons of an IPv6 address stand in brackets.
fn split_port(address: &str) -> (&str, Option<&str>) {
    match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (address, None),
    }
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = &self.scheme {
            write!(f, "{scheme}://")?;
        }
        write!(f, "{}:", self.host.as_deref().unwrap_or("*"))?;
        match self.port {
            Some(port) => write!(f, "{port}"),
            None => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entry, origins it admits, origins it doesn't.
    const CASES: &[(&str, &[&str], &[&str])] = &[
        ("*:*", &["http://a", "*"], &[]),
        ("*", &["https://a:1", "*"], &[]),
        (
            "https://example.com:443",
            &[
                "https://example.com",
                "https://example.com:443",
                "https://Example.com/page",
            ],
            &[
                "http://example.com:443",
                "https://example.com.evil",
                "https://example.com:444",
                "*",
            ],
        ),
        (
            "https://example.com",
            &["https://example.com"],
            &["http://example.com"],
        ),
        (
            "http://example.com",
            &["http://example.com:80"],
            &["https://example.com"],
        ),
        (
            "example.com:443",
            &["https://example.com", "http://example.com:443"],
            &[
                "http://example.com",
                "https://xexample.com",
                "https://example.com@evil.com",
            ],
        ),
        (
            "example.com:*",
            &["http://example.com:1", "https://example.com"],
            &["http://evil.com"],
        ),
        (
            "*:8080",
            &["http://a:8080"],
            &["http://a:80", "http://a", "http://a:808"],
        ),
        ("[::1]:3000", &["http://[::1]:3000"], &["http://[::1]"]),
    ];

    #[test]
    fn an_origin_is_compared_whole_and_never_as_a_substring() {
        for (entry, admitted, refused) in CASES {
            let pattern = Pattern::parse(entry).unwrap();
            for origin in *admitted {
                assert!(pattern.admits(origin), "{entry} {origin}");
            }
            for origin in *refused {
                assert!(!pattern.admits(origin), "{entry} {origin}");
            }
        }
    }

    #[test]
    fn an_entry_that_could_match_nothing_is_an_error() {
        for entry in [
            "https://example.com/",
            "example.com:80/",
            "example.com",
            "",
            "://a:1",
            "a:b",
            "a:70000",
            "*.example.com:443",
            "https://a b",
        ] {
            assert!(Pattern::parse(entry).is_err(), "{entry}");
        }
    }
}
