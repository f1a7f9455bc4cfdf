use super::*;

const PLAIN: ExtensionOffer = ExtensionOffer {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: None,
    client_max_window_bits: None,
};

fn offered(lines: &[&'static str]) -> Vec<ExtensionOffer> {
    let lines = lines
        .iter()
        .map(|line| (SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(line)));
    offers(&lines.collect())
}

#[test]
fn offers_are_read_with_their_parameters() {
    let cases = [
        ("permessage-deflate", PLAIN),
        ("Permessage-Deflate", PLAIN),
        (
            "permessage-deflate; client_max_window_bits",
            ExtensionOffer {
                client_max_window_bits: Some(15),
                ..PLAIN
            },
        ),
        (
            "permessage-deflate ;server_max_window_bits=\"10\" ; client_max_window_bits = 9",
            ExtensionOffer {
                server_max_window_bits: Some(10),
                client_max_window_bits: Some(9),
                ..PLAIN
            },
        ),
        (
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            ExtensionOffer {
                server_no_context_takeover: true,
                client_no_context_takeover: true,
                ..PLAIN
            },
        ),
    ];
    for (line, offer) in cases {
        assert_eq!(offered(&[line]), [offer], "{line}");
    }
}

#[test]
fn offers_of_several_lines_keep_their_order() {
    let ten = ExtensionOffer {
        server_max_window_bits: Some(10),
        ..PLAIN
    };
    let twelve = ExtensionOffer {
        server_max_window_bits: Some(12),
        ..PLAIN
    };
    let lines = [
        "permessage-deflate; server_max_window_bits=10, x-webkit-deflate-frame",
        "permessage-deflate; server_max_window_bits=12,permessage-deflate",
    ];
    assert_eq!(offered(&lines), [ten, twelve, PLAIN]);
}

#[test]
fn an_offer_that_cannot_be_accepted_is_left_out() {
    for offer in [
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=09",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; client_max_window_bits=0",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
        "permessage-deflate; shiny",
        "mux; max-channels=4",
    ] {
        assert_eq!(offered(&[offer]), [], "{offer}");
        let with_fallback = format!("{offer}, permessage-deflate");
        let line = HeaderValue::from_str(&with_fallback).unwrap();
        assert_eq!(
            offers(&HeaderMap::from_iter([(SEC_WEBSOCKET_EXTENSIONS, line)])),
            [PLAIN],
            "{offer}"
        );
    }
}

#[test]
fn a_line_counts_up_to_where_it_breaks_the_grammar() {
    for (line, count) in [
        ("", 0),
        ("permessage-deflate; =", 0),
        ("permessage-deflate; server_max_window_bits=\"10", 0),
        ("permessage-deflate; server_max_window_bits=\"\"", 0),
        ("permessage-deflate, permessage-deflate;", 1),
        ("permessage-deflate, , permessage-deflate", 1),
        ("permessage-deflate permessage-deflate", 1),
    ] {
        assert_eq!(offered(&[line]).len(), count, "{line}");
    }
    assert_eq!(
        offered(&["permessage-deflate; \"", "permessage-deflate"]),
        [PLAIN]
    );
}
