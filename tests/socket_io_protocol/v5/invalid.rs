use super::VIAS;
use crate::{
    greeted,
    wire::{Eio, Packet, Profile, TestServer, Via},
};

/// Each of them closes the connection of an Engine.IO 4 client.
const TEXTS: &[&str] = &[
    // no packet
    "4",
    "47",
    "49",
    "4abc",
    "4{}",
    // no event
    "42[]",
    "42{}",
    r#"42"x""#,
    "42[null]",
    "42[{}]",
    "42[[]]",
    "42[true]",
    r#"42["message","#,
    r#"42["message"]]"#,
    r#"42abc["message"]"#,
    r#"42-1["message"]"#,
    // no payload of an acknowledgement, a disconnection, a connection
    "430{}",
    r#"430"x""#,
    "430[",
    r#"41{"a":1}"#,
    r#"44{"message":"x"}"#,
    // a namespace that was not joined, or never was one
    r#"42/custom,["message"]"#,
    "43/custom,1[]",
    "43/custom,[]",
    "43/custom",
    "44/custom",
    r#"42/ad,min,["a"]"#,
    // names of the protocol
    r#"42["connect"]"#,
    r#"42["connect_error"]"#,
    r#"42["disconnect"]"#,
    r#"42["disconnecting"]"#,
    r#"42["newListener"]"#,
    r#"42["removeListener"]"#,
    r#"421["disconnect"]"#,
    // numbers of attachments
    r#"45["message",{"_placeholder":true,"num":0}]"#,
    r#"450-["message"]"#,
    r#"45-["message"]"#,
    r#"45x-["message"]"#,
    r#"4511-["message"]"#,
    r#"4599999999999999999999-["message"]"#,
];

#[tokio::test]
async fn invalid_packets_close_a_websocket() {
    let server = TestServer::suite(Profile::Defaults).await;
    for text in TEXTS {
        let mut client = greeted(&server, Eio::V4, Via::WebSocket).await;
        client.send(*text).await;
        assert_eq!(client.recv().await, None, "after {text}");
    }
}

#[tokio::test]
async fn invalid_packets_close_polling() {
    let server = TestServer::suite(Profile::Defaults).await;
    for text in TEXTS {
        let mut client = greeted(&server, Eio::V4, Via::Polling).await;
        client.send(*text).await;
        assert_eq!(client.recv().await, None, "after {text}");
    }
}

/// A binary packet whose one attachment has still to come.
const ONE_IS_DUE: &str = r#"451-["nobody",{"_placeholder":true,"num":0}]"#;

#[tokio::test]
async fn attachments_out_of_turn_close_the_connection() {
    let server = TestServer::suite(Profile::Defaults).await;
    let cases: &[&[Packet]] = &[
        // Binary that nothing has announced, or one too many.
        &[[1].into()],
        &[ONE_IS_DUE.into(), [1].into(), [2].into()],
        // Text among the attachments.
        &[ONE_IS_DUE.into(), r#"42["message"]"#.into()],
        &[ONE_IS_DUE.into(), "40/custom,".into()],
        &[ONE_IS_DUE.into(), "40/unknown,".into()],
        &[ONE_IS_DUE.into(), "43[]".into()],
        // Placeholders that point nowhere.
        &[
            r#"451-["nobody",{"_placeholder":true,"num":1}]"#.into(),
            [1].into(),
        ],
        &[
            r#"451-["nobody",{"_placeholder":true,"num":-1}]"#.into(),
            [1].into(),
        ],
        &[
            r#"451-["nobody",{"_placeholder":true,"num":"0"}]"#.into(),
            [1].into(),
        ],
        &[r#"451-["nobody",{"_placeholder":true}]"#.into(), [1].into()],
    ];
    for via in VIAS {
        for packets in cases {
            let mut client = greeted(&server, Eio::V4, via).await;
            client.send_all(packets.to_vec()).await;
            assert_eq!(client.recv().await, None, "after {packets:?}");
        }
    }
}

/// Ten attachments are allowed, and attachments that no placeholder names.
#[tokio::test]
async fn unused_attachments_are_no_error() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut client = greeted(&server, Eio::V4, Via::WebSocket).await;
    let attachments = (0..10).map(|n| Packet::Binary(vec![n]));
    let header = Packet::from(r#"4510-["message",{"_placeholder":true,"num":9}]"#);
    client.send_all(std::iter::once(header).chain(attachments)).await;
    client
        .expect(r#"451-["message-back",{"_placeholder":true,"num":0}]"#)
        .await;
    client.expect([9]).await;
    client.expect_nothing().await;
}

/// What the connection says before it joined anything.
#[tokio::test]
async fn packets_before_the_connect_close_the_connection() {
    let server = TestServer::suite(Profile::Defaults).await;
    for text in [r#"42["message"]"#, "4abc", "430[]", "4"] {
        let mut client = crate::wire::TestClient::open(&server, Eio::V4, Via::WebSocket).await;
        client.send(text).await;
        assert_eq!(client.recv().await, None, "after {text}");
    }
}
