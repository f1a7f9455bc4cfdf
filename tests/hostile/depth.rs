//! A key under which `serde_json::Value` reads a text anew, and another one in that, is no way past the limit of depth.

use axum_socketio::{
    SocketIo,
    extract::{Auth, Data},
    limit::Limit,
};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{
    ground::Ground,
    wire::{Eio, TestClient, Via, within},
};

const KEY: &str = "$serde_json::private::RawValue";

/// `levels` levels, which stand `times` times in one another.
fn nested(key: &str, levels: usize, times: usize) -> String {
    (0..times).fold("1".to_owned(), |inside, _| {
        let inside = serde_json::to_string(&inside).unwrap();
        format!(
            "{}{{\"{key}\":{inside}}}{}",
            "[".repeat(levels),
            "]".repeat(levels)
        )
    })
}

fn depth(value: &Value) -> usize {
    1 + value.get(0).map_or(0, depth)
}

#[tokio::test]
async fn no_key_has_a_text_read_to_a_depth_that_nobody_has_looked_at() {
    for (eio, via) in TestClient::EVERY_WAY {
        for key in [KEY, &KEY.replace('$', r"\u0024"), &KEY.replace('R', r"\u0052")] {
            let mut ground = Ground::new(SocketIo::builder()).await;
            let (tell, mut told) = mpsc::unbounded_channel();
            ground
                .io
                .of("/")
                .on("deep", async move |Data(value): Data<Value>| {
                    let _ = tell.send(depth(&value));
                });
            let mut client = ground.client(eio, via).await;
            client.send(format!(r#"42["deep",["{key}"]]"#)).await;
            assert_eq!(within(told.recv()).await, Some(2));
            client
                .send(format!(r#"42["deep",{}]"#, nested(key, 100, 5)))
                .await;
            assert_eq!(client.recv().await, None);
            assert_eq!(ground.io.times_exceeded(Limit::JsonDepth), 1);
            drop(client);
            ground.expect_left("forced close", key).await;
            assert!(told.try_recv().is_err());
            ground.check(key).await;
        }
    }
}

#[tokio::test]
async fn nor_is_what_a_client_says_to_be_let_in() {
    let io = SocketIo::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    let middleware = async move |Auth(value): Auth<Value>| {
        let _ = tell.send(value);
    };
    io.of("/").middleware(middleware.clone());
    io.of("/admin").middleware(middleware);
    let server = crate::wire::TestServer::start(&io).await;

    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    client.send(format!(r#"40{{"a":{}}}"#, nested(KEY, 100, 5))).await;
    assert_eq!(client.recv().await, None);
    assert_eq!(io.times_exceeded(Limit::JsonDepth), 1);

    // The query of a namespace is an object of texts.
    let mut client = TestClient::connect(&server, Eio::V3, Via::WebSocket).await;
    assert_eq!(
        within(told.recv()).await,
        Some(Value::Object(serde_json::Map::new()))
    );
    let levels = "[".repeat(100) + &"]".repeat(100);
    client.send(format!("40/admin?{KEY}={levels}&a=b")).await;
    client.expect("40/admin,").await;
    assert_eq!(within(told.recv()).await, Some(serde_json::json!({ "a": "b" })));
}
