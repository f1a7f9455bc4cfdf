use std::{error::Error, fmt, io::ErrorKind};

use super::{Heard, client::Client, server};
use crate::{
    extract::Data,
    handler::{Ack, Failed},
    server::{BoxError, HandlerError, Socket, SocketIo},
};

#[tokio::test]
async fn an_ack_answers_with_as_many_arguments_as_it_holds() {
    let (io, _) = server();
    io.of("/")
        .on("none", async || Ack(()))
        .on("one", async || Ack("a"))
        .on("two", async || Ack(("a", 2)))
        .on("list", async || Ack(vec![1, 2]));
    let client = Client::connected(&io).await;
    assert_eq!(client.ask(r#"420["none"]"#).await, "430[]");
    assert_eq!(client.ask(r#"421["one"]"#).await, r#"431["a"]"#);
    assert_eq!(client.ask(r#"422["two"]"#).await, r#"432["a",2]"#);
    assert_eq!(client.ask(r#"423["list"]"#).await, "433[[1,2]]");
}

#[tokio::test]
async fn an_ack_that_nobody_asked_for_is_not_sent() {
    let (io, errors) = server();
    io.of("/").on("ping", async || Ack("pong"));
    let client = Client::connected(&io).await;
    client.push(r#"42["ping"]"#).await;
    assert_eq!(client.ask(r#"425["ping"]"#).await, r#"435["pong"]"#);
    assert!(errors.take().is_empty());
}

#[tokio::test]
async fn a_handler_that_returns_nothing_leaves_the_callback_to_the_next() {
    let (io, _) = server();
    io.of("/")
        .on("ping", async || {})
        .on("ping", async || Ok::<_, String>(Ack("second")))
        .on("ping", async || Ack("third"));
    let client = Client::connected(&io).await;
    assert_eq!(client.ask(r#"420["ping"]"#).await, r#"430["second"]"#);
}

struct Empty;

impl From<Empty> for Ack<&'static str> {
    fn from(_: Empty) -> Self {
        Self("nothing left")
    }
}

#[tokio::test]
async fn an_error_that_is_an_answer_answers_and_is_not_reported() {
    let (io, errors) = server();
    io.of("/").on("take", async |Data(left): Data<u32>| {
        let left = left.checked_sub(1).ok_or(Empty)?;
        Ok::<_, Ack<_>>(Ack((left, "left")))
    });
    let client = Client::connected(&io).await;
    assert_eq!(client.ask(r#"421["take",3]"#).await, r#"431[2,"left"]"#);
    assert_eq!(client.ask(r#"422["take",0]"#).await, r#"432["nothing left"]"#);
    assert!(errors.take().is_empty());
}

#[tokio::test]
async fn an_error_is_reported_and_answers_nothing() {
    let (io, errors) = server();
    io.of("/").on("divide", async |Data(by): Data<u32>| {
        let result = 12_u32.checked_div(by).ok_or("division by zero")?;
        Ok::<_, &str>(Ack(result))
    });
    let client = Client::connected(&io).await;
    client.push(r#"420["divide",0]"#).await;
    assert_eq!(
        errors.take(),
        [r#"a handler failed (event "divide"): division by zero"#]
    );
    assert_eq!(client.ask(r#"421["divide",4]"#).await, "431[3]");
}

#[derive(PartialEq)]
struct Forbidden(u16);

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "forbidden ({})", self.0)
    }
}

#[tokio::test]
async fn on_error_finds_the_error_by_its_type() {
    let (io, heard) = (SocketIo::new(), Heard::default());
    let log = heard.clone();
    io.of("/")
        .on("value", async || Err::<(), _>(Forbidden(3)))
        .on("boxed", async || {
            Err::<(), BoxError>(std::io::Error::from(ErrorKind::NotFound).into())
        })
        .on_error(async move |_: Socket, error: HandlerError| {
            let source = error.source().unwrap();
            let failed = source.downcast_ref::<Failed<Forbidden>>();
            log.push(failed.is_some_and(|failed| failed.0 == Forbidden(3)).to_string());
            log.push(source.is::<std::io::Error>().to_string());
        });
    let client = Client::connected(&io).await;
    client.push(r#"42["value"]"#).await;
    assert_eq!(heard.take(), ["true", "false"]);
    client.push(r#"42["boxed"]"#).await;
    assert_eq!(
        heard.take(),
        ["false", "true"],
        "an error that comes in a box stays as it is"
    );
}

#[tokio::test]
async fn a_panic_is_reported_and_closes_nothing() {
    let (io, errors) = server();
    io.of("/")
        .on("panic", async || panic!("at once"))
        .on("wait", async |socket: Socket| {
            tokio::task::yield_now().await;
            socket.emit("waited", ());
            panic!("later");
        })
        .on("ping", async || Ack("pong"));
    let client = Client::connected(&io).await;
    client.push(r#"42["panic"]"#).await;
    assert_eq!(errors.take(), [r#"a handler panicked (event "panic"): at once"#]);
    assert_eq!(client.ask(r#"42["wait"]"#).await, r#"42["waited"]"#);
    assert_eq!(errors.take(), [r#"a handler panicked (event "wait"): later"#]);
    assert_eq!(client.ask(r#"420["ping"]"#).await, r#"430["pong"]"#);
}
