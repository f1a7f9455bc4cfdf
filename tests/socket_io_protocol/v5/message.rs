use super::VIAS;
use crate::{
    greeted,
    wire::{Eio, Packet, Profile, TestServer, Via},
};

#[tokio::test]
async fn an_event_of_text_goes_both_ways() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V4, via).await;
        client.send(r#"42["message",1,"2",{"3":[true]}]"#).await;
        client.expect(r#"42["message-back",1,"2",{"3":[true]}]"#).await;
    }
}

#[tokio::test]
async fn an_event_with_attachments_goes_both_ways() {
    let server = TestServer::suite(Profile::Defaults).await;
    let event = r#"452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let back = r#"452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V4, via).await;
        client
            .send_all([Packet::from(event), [1, 2, 3].into(), [4, 5, 6].into()])
            .await;
        client.expect(back).await;
        client.expect([1, 2, 3]).await;
        client.expect([4, 5, 6]).await;
    }
}

/// Placeholders may be nested and stand in any order; they are numbered anew on the way back.
#[tokio::test]
async fn attachments_find_their_places() {
    let server = TestServer::suite(Profile::Defaults).await;
    let event = r#"452-["message",{"a":[{"_placeholder":true,"num":1}],"b":{"_placeholder":true,"num":0}}]"#;
    let back =
        r#"452-["message-back",{"a":[{"_placeholder":true,"num":0}],"b":{"_placeholder":true,"num":1}}]"#;
    let mut client = greeted(&server, Eio::V4, Via::WebSocket).await;
    client
        .send_all([Packet::from(event), [1].into(), [2].into()])
        .await;
    client.expect(back).await;
    client.expect([2]).await;
    client.expect([1]).await;
}

#[tokio::test]
async fn an_empty_attachment_is_an_attachment() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut client = greeted(&server, Eio::V4, Via::WebSocket).await;
    client
        .send(r#"451-["message",{"_placeholder":true,"num":0}]"#)
        .await;
    client.send([]).await;
    client
        .expect(r#"451-["message-back",{"_placeholder":true,"num":0}]"#)
        .await;
    client.expect([]).await;
}

#[tokio::test]
async fn an_acknowledgement_of_text_is_given() {
    let server = TestServer::suite(Profile::Defaults).await;
    let cases = [
        (
            r#"42456["message-with-ack",1,"2",{"3":[false]}]"#,
            r#"43456[1,"2",{"3":[false]}]"#,
        ),
        (r#"420["message-with-ack"]"#, "430[]"),
        (r#"42999999999999["message-with-ack",2]"#, "43999999999999[2]"),
    ];
    for via in VIAS {
        let mut client = greeted(&server, Eio::V4, via).await;
        for (event, ack) in cases {
            client.send(event).await;
            client.expect(ack).await;
        }
    }
}

#[tokio::test]
async fn an_acknowledgement_with_attachments_is_given() {
    let server = TestServer::suite(Profile::Defaults).await;
    let event = r#"451-789["message-with-ack",{"_placeholder":true,"num":0}]"#;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V4, via).await;
        client.send_all([Packet::from(event), [1, 2, 3].into()]).await;
        client.expect(r#"461-789[{"_placeholder":true,"num":0}]"#).await;
        client.expect([1, 2, 3]).await;
    }
}

#[tokio::test]
async fn a_namespace_stands_before_the_id() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut client = greeted(&server, Eio::V4, Via::WebSocket).await;
    client.join("/custom").await;
    client.expect(r#"42/custom,["auth",{}]"#).await;
    client.send(r#"42/custom,7["message-with-ack",1]"#).await;
    client.expect("43/custom,7[1]").await;
    client
        .send(r#"451-/custom,8["message-with-ack",{"_placeholder":true,"num":0}]"#)
        .await;
    client.send([9]).await;
    client
        .expect(r#"461-/custom,8[{"_placeholder":true,"num":0}]"#)
        .await;
    client.expect([9]).await;
}

/// Takes the id out of a question of the server.
fn id_of(question: &str, before: &str, after: &str) -> u64 {
    let id = question
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after));
    id.and_then(|id| id.parse().ok())
        .unwrap_or_else(|| panic!("{question} asks for no acknowledgement"))
}

#[tokio::test]
async fn the_client_acknowledges_with_text() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V4, via).await;
        client.send(r#"42["ask","why"]"#).await;
        let id = id_of(&client.text().await, "42", r#"["question","why"]"#);
        client.send(format!(r#"43{id}["because"]"#)).await;
        client.expect(r#"42["answered","because"]"#).await;
    }
}

#[tokio::test]
async fn the_client_acknowledges_with_attachments() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V4, via).await;
        client
            .send_all([
                Packet::from(r#"451-["ask",{"_placeholder":true,"num":0}]"#),
                [1].into(),
            ])
            .await;
        let id = id_of(
            &client.text().await,
            "451-",
            r#"["question",{"_placeholder":true,"num":0}]"#,
        );
        client.expect([1]).await;
        let ack = format!(r#"461-{id}[{{"_placeholder":true,"num":0}}]"#);
        client.send_all([Packet::from(ack), [2].into()]).await;
        client
            .expect(r#"451-["answered",{"_placeholder":true,"num":0}]"#)
            .await;
        client.expect([2]).await;
    }
}

/// Unknown, second and id-less acknowledgements are nobody's.
#[tokio::test]
async fn acknowledgements_that_nobody_waits_for_are_ignored() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut client = greeted(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"42["ask"]"#).await;
    let id = id_of(&client.text().await, "42", r#"["question"]"#);
    client.send("4399999[1]").await;
    client.send("43[1]").await;
    client.send(format!("43{id}[2]")).await;
    client.send(format!("43{id}[3]")).await;
    client.expect(r#"42["answered",2]"#).await;
    client.expect_nothing().await;
}

#[tokio::test]
async fn events_that_nobody_listens_to_are_ignored() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut client = greeted(&server, Eio::V4, Via::WebSocket).await;
    for event in [
        r#"42["nobody"]"#,
        r#"42[""]"#,
        r#"42[1,2]"#,
        r#"421["nobody"]"#,
        r#"42["error"]"#,
    ] {
        client.send(event).await;
    }
    client.expect_nothing().await;
}
