//! Which compression a request accepts.

use std::cmp::Reverse;

use http::{HeaderMap, HeaderValue, header::ACCEPT_ENCODING};

/// A content coding (RFC 9110 §8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Coding {
    Gzip,
    /// zlib's format, which is what `deflate` means in HTTP.
    Deflate,
}

/// One member of the list.
struct Member<'a> {
    name: &'a str,
    weight: f32,
}

impl Coding {
    /// The one that these headers prefer, as Node's server reads them: the greatest weight, then what is named rather than
    /// meant by `*`, then what is named first. `None` where neither is accepted, which is so without the header.
    pub(in crate::engine) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut found = None;
        for coding in [Self::Gzip, Self::Deflate] {
            let priority = coding.priority(headers);
            if priority.is_some_and(|(weight, ..)| weight > 0.0)
                && found.is_none_or(|(best, _)| priority > best)
            {
                found = Some((priority, coding));
            }
        }
        found.map(|(_, coding)| coding)
    }

    pub(in crate::engine) const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// Weight, whether it is named, and where in the list. The member that names a coding overrules `*`.
    fn priority(self, headers: &HeaderMap) -> Option<(f32, bool, Reverse<usize>)> {
        let members = members(headers).enumerate();
        let fitting = members.filter_map(|(at, member)| {
            let named = member.name.eq_ignore_ascii_case(self.as_str());
            (named || member.name == "*").then_some((named, member.weight, at))
        });
        let (named, weight, at) = fitting.fold(None, |best, one| {
            if best.is_none_or(|best| one > best) {
                Some(one)
            } else {
                best
            }
        })?;
        Some((weight, named, Reverse(at)))
    }
}

fn members(headers: &HeaderMap) -> impl Iterator<Item = Member<'_>> {
    let lists = headers.get_all(ACCEPT_ENCODING).iter();
    lists
        .filter_map(|list: &HeaderValue| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(|member| {
            let (name, parameters) = member.split_once(';').unwrap_or((member, ""));
            Member {
                name: name.trim(),
                weight: weight(parameters),
            }
        })
}

/// `q`, which is 1 where it is missing; what is no number accepts nothing.
fn weight(parameters: &str) -> f32 {
    let mut named = parameters.split(';').filter_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        (name == "q").then_some(value)
    });
    named
        .next()
        .map_or(1.0, |value| value.trim().parse().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What npm's `accepts` 1.3 answers for `encodings(["gzip", "deflate"])`.
    const CASES: &[(&str, Option<Coding>)] = &[
        ("", None),
        ("gzip", Some(Coding::Gzip)),
        ("deflate", Some(Coding::Deflate)),
        ("gzip, deflate, br", Some(Coding::Gzip)),
        ("deflate, gzip", Some(Coding::Deflate)),
        ("br", None),
        ("identity", None),
        ("GZIP", Some(Coding::Gzip)),
        ("*", Some(Coding::Gzip)),
        ("*, deflate", Some(Coding::Deflate)),
        ("gzip;q=0", None),
        ("gzip;q=0, *", Some(Coding::Deflate)),
        ("gzip;q=0, deflate", Some(Coding::Deflate)),
        ("*;q=0", None),
        ("*;q=0, gzip", Some(Coding::Gzip)),
        ("gzip;q=0.2, deflate;q=0.8", Some(Coding::Deflate)),
        ("gzip;q=0.8, deflate;q=0.2", Some(Coding::Gzip)),
        ("deflate;q=0.5, gzip;q=0.500", Some(Coding::Deflate)),
        ("gzip ; q=0.3 , deflate; q=0.9", Some(Coding::Deflate)),
        ("gzip;level=9;q=0.1, deflate;q=0.2", Some(Coding::Deflate)),
        ("gzip;q=much", None),
        ("gzip;q=0, gzip;q=0.7", Some(Coding::Gzip)),
        ("*;q=0.9, gzip;q=0.1", Some(Coding::Deflate)),
        ("identity, gzip;q=0.1", Some(Coding::Gzip)),
        ("gzip;q=nan", None),
        (",,;", None),
    ];

    fn headers(lists: &[&str]) -> HeaderMap {
        let values = lists.iter().map(|list| HeaderValue::from_str(list).unwrap());
        values.map(|value| (ACCEPT_ENCODING, value)).collect()
    }

    #[test]
    fn the_preferred_coding_is_the_one_that_node_picks() {
        for (list, coding) in CASES {
            assert_eq!(Coding::of(&headers(&[list])), *coding, "{list:?}");
        }
    }

    #[test]
    fn no_header_accepts_nothing_and_several_are_one_list() {
        assert_eq!(Coding::of(&HeaderMap::new()), None);
        assert_eq!(Coding::of(&headers(&["br", "gzip"])), Some(Coding::Gzip));
        assert_eq!(Coding::of(&headers(&["deflate", "gzip"])), Some(Coding::Deflate));
    }
}
