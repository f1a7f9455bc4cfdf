//! Bodies that no client posts.

use axum_socketio::SocketIo;

use crate::{
    ground::Ground,
    wire::{Eio, Request, Via},
};

/// What becomes of the session; the POST is answered `ok` in any case.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Closes(&'static str),
    Stays,
}

use Outcome::{Closes, Stays};

const PARSE: Outcome = Closes("parse error");
const FORCED: Outcome = Closes("forced close");

pub(crate) const V4: &[(&[u8], Outcome)] = &[
    (b"", PARSE),
    (b"\x1e", PARSE),
    (b"\x1e\x1e\x1e", PARSE),
    (b"3\x1e", PARSE),
    (b"\x1e3", PARSE),
    (b"3\x1e\x1e3", PARSE),
    (b"7", PARSE),
    (b"8", PARSE),
    (b"9", PARSE),
    (b"A", PARSE),
    (b"B", PARSE),
    (b" 3", PARSE),
    (b"\n", PARSE),
    (b"\0", PARSE),
    (b"-1", PARSE),
    (b"\"4\"", PARSE),
    (b"{}", PARSE),
    (b"[]", PARSE),
    ("é".as_bytes(), PARSE),
    ("😀".as_bytes(), PARSE),
    (b"\xff", PARSE),
    (b"4\xc3\x28", PARSE),
    (b"4\xed\xa0\x80", PARSE),
    (b"b!", PARSE),
    (b"bA", PARSE),
    (b"b=", PARSE),
    (b"bAA=A", PARSE),
    (b"bAQ\xc3\xa9", PARSE),
    (b"2", Closes("transport error")),
    (b"2probe", Closes("transport error")),
    (b"1", Closes("transport close")),
    (b"1\x1e9", Closes("transport close")),
    (b"4", FORCED),
    (b"b", FORCED),
    (b"bAQID", FORCED),
    (b"3", Stays),
    (b"3probe", Stays),
    (b"0", Stays),
    (b"0{\"sid\":\"x\"}", Stays),
    (b"5", Stays),
    (b"6", Stays),
    (b"6\x1e6\x1e6", Stays),
];

/// The second column: whether it is sent as `application/octet-stream`.
pub(crate) const V3: &[(&[u8], bool, Outcome)] = &[
    (b"", false, PARSE),
    (b"1", false, PARSE),
    (b"1:", false, PARSE),
    (b":", false, PARSE),
    (b":4", false, PARSE),
    (b"a:4", false, PARSE),
    (b"-1:4", false, PARSE),
    (b"+1:4", false, PARSE),
    (b" 1:3", false, PARSE),
    (b"1.0:3", false, PARSE),
    (b"1e0:3", false, PARSE),
    (b"0x1:3", false, PARSE),
    (b"2:3", false, PARSE),
    (b"9999999999:3", false, PARSE),
    (b"99999999999:3", false, PARSE),
    (b"18446744073709551617:3", false, PARSE),
    (b"1:7", false, PARSE),
    (b"1:x", false, PARSE),
    (b"1:b", false, PARSE),
    (b"2:b5", false, PARSE),
    (b"3:b4!", false, PARSE),
    ("2:4😀".as_bytes(), false, PARSE),
    ("1:é".as_bytes(), false, PARSE),
    (b"1:3x", false, PARSE),
    (b"1:31", false, PARSE),
    (b"1:3\x1e", false, PARSE),
    (b"\xff", false, PARSE),
    (b"1:4", false, FORCED),
    (b"1:1", false, Closes("transport close")),
    (b"0:", false, Stays),
    (b"0:0:0:", false, Stays),
    (b"1:3", false, Stays),
    (b"1:6", false, Stays),
    ("3:4😀".as_bytes(), false, Stays),
    (b"\0", true, PARSE),
    (b"\0\xff", true, PARSE),
    (b"\0\x01", true, PARSE),
    (b"\0\x01\xff", true, PARSE),
    (b"\0\x0a\xff3", true, PARSE),
    (b"\0\x02\xff4\xff", false, PARSE),
    (b"\0\x02\xff4\xff", true, PARSE),
    (b"\0\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff3", true, PARSE),
    (
        b"\0\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff3",
        true,
        PARSE,
    ),
    (b"\x01\x01\xff\x05", true, PARSE),
    (b"\x01\x00\xff", true, PARSE),
    (b"\0\x01\xff7", true, PARSE),
    (b"\x01\x01\xff\x04", true, FORCED),
    (b"\x07\x01\xff\x04", true, FORCED),
    (b"\0\x01\xff3", true, Stays),
];

#[tokio::test]
async fn bodies_that_make_no_sense_cost_their_session_and_nothing_else() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    for (body, outcome) in V4 {
        run(&mut ground, Eio::V4, body, false, *outcome).await;
    }
    for (body, binary, outcome) in V3 {
        run(&mut ground, Eio::V3, body, *binary, *outcome).await;
    }
}

async fn run(ground: &mut Ground, eio: Eio, body: &[u8], binary: bool, outcome: Outcome) {
    let case = format!("{eio:?} {}", body.escape_ascii());
    let mut client = ground.client(eio, Via::Polling).await;
    let mut request = Request::post(client.target(), body);
    if binary {
        request = request.header("Content-Type", "application/octet-stream");
    }
    request.send(ground.server.addr).await.assert_ok();
    match outcome {
        Closes(reason) => {
            // A forced close waits for a poll that brings it.
            assert_eq!(client.recv().await, None, "{case}");
            ground.expect_left(reason, &case).await;
        }
        Stays => {
            client.expect_nothing().await;
            client.close().await;
            ground.expect_left("transport close", &case).await;
        }
    }
    ground.check(&case).await;
}

#[tokio::test]
async fn bytes_of_a_client_of_engine_io_4_are_refused() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    let client = ground.client(Eio::V4, Via::Polling).await;
    let request = Request::post(client.target(), "4").header("Content-Type", "application/octet-stream");
    request.send(ground.server.addr).await.assert_empty(400);
    ground.expect_left("transport error", "bytes").await;
    ground.check("bytes").await;
}
