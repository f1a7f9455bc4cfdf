use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use super::{super::extensions::offers, Terms, negotiate};

const ANY: Terms = Terms {
    server_max_window_bits: 15,
    client_max_window_bits: 15,
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
