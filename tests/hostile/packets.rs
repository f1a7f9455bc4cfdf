//! Socket.IO packets that no client sends.

use axum_socketio::SocketIo;

use crate::{
    ground::Ground,
    wire::{Eio, TestClient},
};

/// What becomes of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Closes,
    Stays,
}

use Outcome::{Closes, Stays};

/// A packet, and what becomes of a client of Engine.IO 4 and 3 that is in `/`.
pub(crate) const CASES: &[(&str, Outcome, Outcome)] = &[
    ("", Closes, Closes),
    ("7", Closes, Stays),
    ("9", Closes, Stays),
    ("x", Closes, Stays),
    (" ", Closes, Stays),
    ("é", Closes, Stays),
    ("\0", Closes, Stays),
    ("2{}", Closes, Closes),
    ("2[", Closes, Closes),
    ("2]", Closes, Closes),
    ("2[]", Closes, Closes),
    ("2[\"a\"", Closes, Closes),
    ("2[\"a\",]", Closes, Closes),
    ("2[\"a\" 1]", Closes, Closes),
    ("2[\"a\"]]", Closes, Closes),
    ("2[\"a\"]x", Closes, Closes),
    ("2[null]", Closes, Closes),
    ("2[true]", Closes, Closes),
    ("2[{}]", Closes, Closes),
    ("2[[\"a\"]]", Closes, Closes),
    ("2\"a\"", Closes, Closes),
    ("2null", Closes, Closes),
    ("2['a']", Closes, Closes),
    ("2[a]", Closes, Closes),
    ("2[\"a\",NaN]", Closes, Closes),
    ("2[\"a\",undefined]", Closes, Closes),
    ("2[\"a\",01]", Closes, Closes),
    ("2[\"a\",1.]", Closes, Closes),
    ("2[\"a\",\"\\x\"]", Closes, Closes),
    ("2[\"a\",\"\n\"]", Closes, Closes),
    ("2[\"connect\"]", Closes, Stays),
    ("2[\"connect_error\"]", Closes, Stays),
    ("2[\"disconnect\"]", Closes, Stays),
    ("2[\"disconnecting\"]", Closes, Stays),
    ("2[\"newListener\"]", Closes, Stays),
    ("2[\"removeListener\"]", Closes, Stays),
    ("2[\"d\\u0069sconnect\"]", Closes, Stays),
    ("299999999999999999999999[\"a\"]", Closes, Closes),
    ("2/nowhere,[\"a\"]", Closes, Stays),
    ("2/custom,[\"a\"]", Closes, Stays),
    ("2/,[\"a\"]", Stays, Stays),
    ("3", Stays, Stays),
    ("3[]", Stays, Stays),
    ("31[]", Stays, Stays),
    ("318446744073709551615[]", Stays, Stays),
    ("318446744073709551616[]", Closes, Closes),
    ("31{}", Closes, Closes),
    ("31\"a\"", Closes, Closes),
    ("31[", Closes, Closes),
    ("3/nowhere,1[]", Closes, Stays),
    ("0[]", Closes, Stays),
    ("0\"a\"", Closes, Closes),
    ("0{", Closes, Closes),
    ("1{}", Closes, Closes),
    ("1\"a\"", Closes, Closes),
    ("1/nowhere,", Stays, Stays),
    ("4", Closes, Stays),
    ("4{}", Closes, Stays),
    ("4{\"message\":\"x\"}", Closes, Stays),
    ("5", Closes, Closes),
    ("5[\"a\"]", Closes, Closes),
    ("5-[\"a\"]", Closes, Closes),
    ("50-[\"a\"]", Closes, Closes),
    ("5-1-[\"a\"]", Closes, Closes),
    ("51.5-[\"a\"]", Closes, Closes),
    ("5x-[\"a\"]", Closes, Closes),
    ("511-[\"a\"]", Closes, Closes),
    ("5999999999999999999999-[\"a\"]", Closes, Closes),
    ("51-", Stays, Stays),
    ("51-{}", Closes, Closes),
    ("51-[]", Closes, Closes),
    ("6", Closes, Closes),
    ("60-1[]", Closes, Closes),
    ("611-1[]", Closes, Closes),
    ("61-1{}", Closes, Closes),
];

#[tokio::test]
async fn packets_that_make_no_sense_are_refused_as_the_generation_of_the_client_has_it() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    for (eio, via) in TestClient::EVERY_WAY {
        for (packet, v4, v3) in CASES {
            let case = format!("{packet:?} of {eio:?} via {via:?}");
            let outcome = if eio == Eio::V4 { v4 } else { v3 };
            let mut client = ground.client(eio, via).await;
            client.send(format!("4{packet}")).await;
            match outcome {
                Closes => {
                    assert_eq!(client.recv().await, None, "{case}");
                    drop(client);
                    ground.expect_left("forced close", &case).await;
                }
                Stays if packet.starts_with("51-") => {
                    // An attachment is due, and then it is a packet without an event.
                    client.send([1]).await;
                    client.expect_nothing().await;
                    client.close().await;
                    ground.expect_left("transport close", &case).await;
                }
                Stays => {
                    client.expect_nothing().await;
                    client.close().await;
                    ground.expect_left("transport close", &case).await;
                }
            }
            ground.check(&case).await;
        }
    }
}
