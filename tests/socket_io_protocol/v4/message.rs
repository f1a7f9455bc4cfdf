use super::VIAS;
use crate::{
    greeted,
    wire::{Eio, Packet, Profile, TestServer},
};

#[tokio::test]
async fn an_event_of_text_goes_both_ways() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
        client.send(r#"42["message",1,"2",{"3":[true]}]"#).await;
        client.expect(r#"42["message-back",1,"2",{"3":[true]}]"#).await;
    }
}

/// Not all that these clients read over polling may be other than ASCII, so it is escaped there.
#[tokio::test]
async fn text_of_any_script_arrives() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
        client.send(r#"42["message","é€😀"]"#).await;
        let back = client.text().await;
        let back: serde_json::Value = serde_json::from_str(back.strip_prefix("42").unwrap()).unwrap();
        assert_eq!(back, serde_json::json!(["message-back", "é€😀"]));
    }
}

#[tokio::test]
async fn an_event_with_attachments_goes_both_ways() {
    let server = TestServer::suite(Profile::Defaults).await;
    let event = r#"452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let back = r#"452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
        client
            .send_all([Packet::from(event), [1, 2, 3].into(), [4, 5, 6].into()])
            .await;
        client.expect(back).await;
        client.expect([1, 2, 3]).await;
        client.expect([4, 5, 6]).await;
    }
}

#[tokio::test]
async fn acknowledgements_are_given() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
        client.send(r#"42456["message-with-ack",1,"2"]"#).await;
        client.expect(r#"43456[1,"2"]"#).await;
        let event = r#"451-789["message-with-ack",{"_placeholder":true,"num":0}]"#;
        client.send_all([Packet::from(event), [1, 2, 3].into()]).await;
        client.expect(r#"461-789[{"_placeholder":true,"num":0}]"#).await;
        client.expect([1, 2, 3]).await;
    }
}

#[tokio::test]
async fn the_client_acknowledges() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
        client.send(r#"42["ask","why"]"#).await;
        let question = client.text().await;
        let id = question
            .strip_prefix("42")
            .and_then(|rest| rest.strip_suffix(r#"["question","why"]"#))
            .unwrap();
        client.send(format!(r#"43{id}["because"]"#)).await;
        client.expect(r#"42["answered","because"]"#).await;
    }
}
