use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use super::{super::extensions::offers, Terms, negotiate};

const ANY: Terms = Terms {
    server_max_window_bits: 15,
    client_max_window_bits: 15,
    server_context_takeover: false,
    client_context_takeover: false,
};

/// What follows the two parameters that are always there in the answer to offers of which only the parameters are given.
fn answer(terms: Terms, parameters: &[&str]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for parameters in parameters {
        let line = format!("permessage-deflate{parameters}");
        headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(&line).unwrap());
    }
    let header = negotiate(&offers(&headers), terms)?.header();
    let alone = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    Some(header.to_str().unwrap().strip_prefix(alone).unwrap().to_owned())
}

#[test]
fn every_parameter_is_answered_as_the_rfc_says() {
    for (offer, expected) in [
        ("", ""),
        ("; server_no_context_takeover", ""),
        ("; client_no_context_takeover", ""),
        ("; server_max_window_bits=15", "; server_max_window_bits=15"),
        ("; server_max_window_bits=9", "; server_max_window_bits=9"),
        ("; client_max_window_bits", ""),
        ("; client_max_window_bits=15", ""),
        ("; client_max_window_bits=8", "; client_max_window_bits=8"),
    ] {
        assert_eq!(answer(ANY, &[offer]).as_deref(), Some(expected), "{offer}");
    }
}

#[test]
fn the_terms_are_imposed_and_an_offer_can_only_tighten_them() {
    let terms = Terms {
        server_max_window_bits: 12,
        client_max_window_bits: 11,
        ..ANY
    };
    for (offer, server, client) in [
        ("; client_max_window_bits", 12, 11),
        ("; client_max_window_bits=10; server_max_window_bits=14", 12, 10),
        ("; client_max_window_bits=15; server_max_window_bits=10", 10, 11),
    ] {
        let expected = format!("; server_max_window_bits={server}; client_max_window_bits={client}");
        assert_eq!(answer(terms, &[offer]), Some(expected), "{offer}");
    }
}

#[test]
fn what_cannot_be_kept_is_declined_and_the_next_offer_taken() {
    let limited = Terms {
        client_max_window_bits: 11,
        ..ANY
    };
    assert_eq!(answer(ANY, &[]), None);
    for (terms, declined) in [(ANY, "; server_max_window_bits=8"), (limited, "")] {
        assert_eq!(answer(terms, &[declined]), None, "{declined}");
        let fallback = "; client_max_window_bits=9";
        assert_eq!(answer(terms, &[declined, fallback]).as_deref(), Some(fallback));
    }
}

#[test]
fn context_takeover_is_what_neither_side_gives_up() {
    for terms in 0..4 {
        for offer in 0..4 {
            let (server, client) = ("server_no_context_takeover", "client_no_context_takeover");
            let named = |bits: u8| {
                let names = [(1, server), (2, client)].map(|(bit, name)| (bits & bit != 0).then_some(name));
                names
                    .into_iter()
                    .flatten()
                    .fold(String::from("permessage-deflate"), |line, name| {
                        line + "; " + name
                    })
            };
            let mut headers = HeaderMap::new();
            headers.append(
                SEC_WEBSOCKET_EXTENSIONS,
                HeaderValue::try_from(named(offer)).unwrap(),
            );
            let terms = Terms {
                server_context_takeover: terms & 1 == 0,
                client_context_takeover: terms & 2 == 0,
                ..ANY
            };
            let agreement = negotiate(&offers(&headers), terms).unwrap();
            let given_up =
                u8::from(!terms.server_context_takeover) | u8::from(!terms.client_context_takeover) << 1;
            assert_eq!(
                agreement.header().to_str().unwrap(),
                named(offer | given_up),
                "{terms:?}"
            );
            assert_eq!(agreement.server_context_takeover, (offer | given_up) & 1 == 0);
            assert_eq!(agreement.client_context_takeover, (offer | given_up) & 2 == 0);
        }
    }
}
