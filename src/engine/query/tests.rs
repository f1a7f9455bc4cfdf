use super::*;

const V3: Protocol = Protocol::V3;
const V4: Protocol = Protocol::V4;

/// How a request arrives: its method, and whether it asks for a WebSocket.
const GET: (Method, bool) = (Method::GET, false);
const POST: (Method, bool) = (Method::POST, false);
const UPGRADE: (Method, bool) = (Method::GET, true);
const EXTENDED_CONNECT: (Method, bool) = (Method::CONNECT, true);

fn read<'a>((method, upgrade): &(Method, bool), query: &'a str) -> Result<Request<'a>, Refusal> {
    parse(method, query, *upgrade, Transports::ALL)
}

fn open(protocol: Protocol, transport: Transport) -> Request<'static> {
    Request::Open {
        protocol,
        transport,
        b64: false,
        jsonp: None,
    }
}

fn stray(refusal: Refusal) -> Request<'static> {
    Request::Stray {
        sid: "S".into(),
        refusal,
    }
}

#[test]
fn every_kind_of_request_is_told_from_its_method_and_query() {
    let cases = [
        (GET, "EIO=4&transport=polling", open(V4, Transport::Polling)),
        (GET, "EIO=3&transport=polling&t=Nx3", open(V3, Transport::Polling)),
        (
            UPGRADE,
            "EIO=4&transport=websocket",
            open(V4, Transport::WebSocket),
        ),
        (
            EXTENDED_CONNECT,
            "EIO=4&transport=websocket",
            open(V4, Transport::WebSocket),
        ),
        (
            GET,
            "EIO=4&transport=polling&sid=S",
            Request::Poll {
                sid: "S".into(),
                protocol: V4,
            },
        ),
        (
            POST,
            "EIO=3&transport=polling&sid=S",
            Request::Push {
                sid: "S".into(),
                protocol: V3,
            },
        ),
        (
            UPGRADE,
            "EIO=4&transport=websocket&sid=S",
            Request::Upgrade {
                sid: "S".into(),
                protocol: V4,
                b64: false,
            },
        ),
        (
            EXTENDED_CONNECT,
            "EIO=3&transport=websocket&sid=S&b64=1",
            Request::Upgrade {
                sid: "S".into(),
                protocol: V3,
                b64: true,
            },
        ),
    ];
    for (how, query, request) in cases {
        assert_eq!(read(&how, query), Ok(request), "{how:?} {query}");
    }
}

#[test]
fn handshakes_are_refused_in_nodes_order() {
    let put = (Method::PUT, false);
    let options = (Method::OPTIONS, false);
    let connect = (Method::CONNECT, false);
    let post_upgrade = (Method::POST, true);
    let cases = [
        (GET, "", Refusal::TransportUnknown),
        (GET, "EIO=4", Refusal::TransportUnknown),
        (GET, "EIO=4&transport=", Refusal::TransportUnknown),
        (GET, "EIO=4&transport=tobi", Refusal::TransportUnknown),
        (GET, "EIO=4&transport=webtransport", Refusal::TransportUnknown),
        (GET, "EIO=4&transport=constructor", Refusal::TransportUnknown),
        // An unknown transport comes before everything else.
        (POST, "transport=tobi&sid=S", Refusal::TransportUnknown),
        (POST, "EIO=4&transport=polling", Refusal::BadHandshakeMethod),
        (put, "EIO=4&transport=polling", Refusal::BadHandshakeMethod),
        (options, "EIO=4&transport=polling", Refusal::BadHandshakeMethod),
        (connect, "EIO=4&transport=polling", Refusal::BadHandshakeMethod),
        (
            post_upgrade,
            "EIO=4&transport=websocket",
            Refusal::BadHandshakeMethod,
        ),
        // The method comes before the transport's own conditions.
        (POST, "EIO=4&transport=websocket", Refusal::BadHandshakeMethod),
        (
            GET,
            "EIO=4&transport=websocket",
            Refusal::TRANSPORT_HANDSHAKE_ERROR,
        ),
        (
            UPGRADE,
            "EIO=4&transport=polling",
            Refusal::TRANSPORT_HANDSHAKE_ERROR,
        ),
    ];
    for (how, query, refusal) in cases {
        assert_eq!(read(&how, query), Err(refusal), "{how:?} {query}");
    }
}

/// Node looks the session up before it complains about anything else, so these wait for that.
#[test]
fn what_fits_no_session_still_names_its_session() {
    let cases = [
        (
            (Method::PUT, false),
            "EIO=4&transport=polling&sid=S",
            Refusal::MethodNotAllowed,
        ),
        (
            (Method::OPTIONS, false),
            "EIO=4&transport=polling&sid=S",
            Refusal::MethodNotAllowed,
        ),
        (
            (Method::HEAD, false),
            "EIO=4&transport=polling&sid=S",
            Refusal::MethodNotAllowed,
        ),
        (
            GET,
            "EIO=4&transport=websocket&sid=S",
            Refusal::TRANSPORT_MISMATCH,
        ),
        (
            UPGRADE,
            "EIO=4&transport=polling&sid=S",
            Refusal::TRANSPORT_HANDSHAKE_ERROR,
        ),
    ];
    for (how, query, refusal) in cases {
        assert_eq!(read(&how, query), Ok(stray(refusal)), "{how:?} {query}");
    }
}

#[test]
fn a_transport_that_is_not_offered_is_unknown() {
    let only_websocket: Transports = [Transport::WebSocket].into_iter().collect();
    let polling = parse(&Method::GET, "EIO=4&transport=polling", false, only_websocket);
    assert_eq!(polling, Err(Refusal::TransportUnknown));
    let websocket = parse(&Method::GET, "EIO=4&transport=websocket", true, only_websocket);
    assert_eq!(websocket, Ok(open(V4, Transport::WebSocket)));
}

#[test]
fn only_exactly_4_is_revision_4() {
    let cases = [
        ("EIO=4&", V4),
        ("EIO=%34&", V4),
        ("EIO=3&", V3),
        ("EIO=2&", V3),
        ("EIO=5&", V3),
        ("EIO=04&", V3),
        ("EIO=4%20&", V3),
        ("eio=4&", V3),
        ("EIO=&", V3),
        ("", V3),
    ];
    for (revision, protocol) in cases {
        let query = format!("{revision}transport=polling");
        assert_eq!(
            read(&GET, &query),
            Ok(open(protocol, Transport::Polling)),
            "{query}"
        );
    }
}

#[test]
fn the_last_of_a_repeated_key_counts() {
    let query = "transport=websocket&EIO=3&sid=R&transport=polling&EIO=4&sid=S";
    assert_eq!(
        read(&GET, query),
        Ok(Request::Poll {
            sid: "S".into(),
            protocol: V4
        })
    );
    let no_sid_after_all = "transport=polling&sid=S&sid=&b64=1&b64=";
    assert_eq!(read(&GET, no_sid_after_all), Ok(open(V3, Transport::Polling)));
}

#[test]
fn a_session_id_is_percent_decoded_and_otherwise_taken_as_it_is() {
    let cases = [
        ("a%2Db", "a-b"),
        ("a+b", "a b"),
        ("%FF", "\u{fffd}"),
        ("../%00", "../\0"),
        ("%zz", "%zz"),
    ];
    for (raw, sid) in cases {
        let query = format!("transport=polling&sid={raw}");
        assert_eq!(
            read(&GET, &query),
            Ok(Request::Poll {
                sid: sid.into(),
                protocol: V3
            }),
            "{raw}"
        );
    }
}

#[test]
fn b64_is_the_truth_of_a_string() {
    for (query, set) in [
        ("", false),
        ("&b64", false),
        ("&b64=", false),
        ("&b64=1", true),
        ("&b64=0", true),
    ] {
        let query = format!("transport=websocket{query}");
        let Ok(Request::Open { b64, .. }) = read(&UPGRADE, &query) else {
            panic!("{query} is a handshake");
        };
        assert_eq!(b64, set, "{query}");
    }
}

#[test]
fn j_makes_a_polling_handshake_jsonp_whose_payloads_are_text() {
    for (j, callback) in [("&j=0", "0"), ("&j=abc7", "7"), ("&j=", ""), ("&j", "")] {
        let query = format!("EIO=4&transport=polling{j}");
        let jsonp = Some(Jsonp::from_query(callback));
        let opened = Request::Open {
            protocol: V4,
            transport: Transport::Polling,
            b64: true,
            jsonp,
        };
        assert_eq!(read(&GET, &query), Ok(opened), "{query}");
    }
    let websocket = read(&UPGRADE, "EIO=4&transport=websocket&j=0");
    assert_eq!(websocket, Ok(open(V4, Transport::WebSocket)));
}

proptest::proptest! {
    #[test]
    fn no_query_panics(query in ".{0,80}", upgrade: bool) {
        for method in [Method::GET, Method::POST, Method::CONNECT] {
            let _ = parse(&method, &query, upgrade, Transports::ALL);
        }
    }

    #[test]
    fn any_session_id_comes_back_from_its_query(sid in ".{1,40}") {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("transport", "polling")
            .append_pair("sid", &sid)
            .finish();
        proptest::prop_assert_eq!(read(&GET, &query), Ok(Request::Poll { sid: sid.into(), protocol: V3 }));
    }
}
