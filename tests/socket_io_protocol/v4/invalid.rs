use crate::{
    greeted,
    wire::{Eio, Packet, Profile, TestServer, Via},
};

/// What Node 2 closes the connection for.
#[tokio::test]
async fn packets_that_cannot_be_read_close_the_connection() {
    let server = TestServer::suite(Profile::Defaults).await;
    let texts = [
        "4",
        "42[]",
        "42{}",
        r#"42"x""#,
        "42[null]",
        "42[{}]",
        r#"42["message","#,
        "430{}",
        r#"45["message",{"_placeholder":true,"num":0}]"#,
        r#"4511-["message"]"#,
        r#"41{"a":1}"#,
        r#"40"x""#,
    ];
    for via in super::VIAS {
        for text in texts {
            let mut client = greeted(&server, Eio::V3, via).await;
            client.send(text).await;
            assert_eq!(client.recv().await, None, "after {text}");
        }
    }
}

/// A binary packet whose one attachment has still to come.
const ONE_IS_DUE: &str = r#"451-["nobody",{"_placeholder":true,"num":0}]"#;

#[tokio::test]
async fn attachments_out_of_turn_close_the_connection() {
    let server = TestServer::suite(Profile::Defaults).await;
    let cases: &[&[Packet]] = &[
        &[[1].into()],
        &[ONE_IS_DUE.into(), r#"42["message"]"#.into()],
        &[ONE_IS_DUE.into(), "40/custom,".into()],
        &[ONE_IS_DUE.into(), "40/unknown,".into()],
        &[ONE_IS_DUE.into(), "43[]".into()],
        &[ONE_IS_DUE.into(), "47".into()],
        &[ONE_IS_DUE.into(), "4x".into()],
        &[
            r#"451-["nobody",{"_placeholder":true,"num":1}]"#.into(),
            [1].into(),
        ],
    ];
    for packets in cases {
        let mut client = greeted(&server, Eio::V3, Via::WebSocket).await;
        client.send_all(packets.to_vec()).await;
        assert_eq!(client.recv().await, None, "after {packets:?}");
    }
}

/// What Node 2 ignores, where Node 4 closes the connection.
#[tokio::test]
async fn what_makes_no_sense_but_does_no_harm_is_ignored() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in super::VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
        for text in [
            "47",
            "49",
            "4x",
            r#"42/custom,["message"]"#,
            "43[1]",
            "4399[1]",
            "41/custom,",
        ] {
            client.send(text).await;
            client.expect_nothing().await;
        }
    }
}

/// Names of the protocol are events like any other to Node 2: nobody may listen to them, and nothing is closed.
#[tokio::test]
async fn reserved_names_do_no_harm() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut client = greeted(&server, Eio::V3, Via::WebSocket).await;
    for name in [
        "connect",
        "connect_error",
        "disconnecting",
        "newListener",
        "removeListener",
    ] {
        client.send(format!(r#"42["{name}"]"#)).await;
        client.expect_nothing().await;
    }
}
