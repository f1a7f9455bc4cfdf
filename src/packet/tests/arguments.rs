//! Finding and reading arguments.

use std::{borrow::Cow, collections::HashMap, error::Error as _, rc::Rc, sync::Arc};

use serde::Serialize;
use serde_json::{json, value::RawValue};

use super::*;

fn args(payload: &str) -> Args<'_> {
    args::ack(payload).unwrap()
}

fn emitted<T: Serialize + ?Sized>(args: &T) -> String {
    written(|buf| encode::event(buf, HEADROOM, "/", None, "e", args).unwrap()).0
}

fn acknowledged<T: Serialize + ?Sized>(args: &T) -> String {
    written(|buf| encode::ack(buf, HEADROOM, "/", 1, args).unwrap()).0
}

#[test]
fn event_names_are_strings_and_numbers() {
    const CASES: &[(&str, &str)] = &[
        (r#"["hey"]"#, "hey"),
        (r#"[""]"#, ""),
        (r#"["a\"b\\c\n\u00e9\ud83d\ude00"]"#, "a\"b\\c\n\u{e9}\u{1f600}"),
        ("[\"\u{2028}é😀\"]", "\u{2028}é😀"),
        ("[1]", "1"),
        ("[-5]", "-5"),
        ("[0]", "0"),
        ("[-0]", "0"),
        ("[1.0]", "1"),
        ("[1.50]", "1.5"),
        ("[1e3]", "1000"),
        ("[123456789012345]", "123456789012345"),
        ("[9007199254740993]", "9007199254740992"),
        ("[1e20]", "100000000000000000000"),
        ("[1e21]", "1e+21"),
        ("[1.5e300]", "1.5e+300"),
        ("[0.000001]", "0.000001"),
        ("[0.0000001]", "1e-7"),
        ("[-1e-7]", "-1e-7"),
        ("[1e400]", "Infinity"),
        ("[-1e400]", "-Infinity"),
    ];
    for (payload, name) in CASES {
        assert_eq!(
            args::event(payload, Protocol::V4).unwrap().name,
            *name,
            "{payload}"
        );
    }
}

/// JavaScript's `toWellFormed`: Rust's strings have no place for them.
#[test]
fn halves_of_surrogate_pairs_in_a_name_are_replacement_characters() {
    for (payload, name) in [
        (r#"["\ud800"]"#, "\u{fffd}"),
        (
            r#"["a\udc00\ud800b\ud83d\ude00é"]"#,
            "a\u{fffd}\u{fffd}b\u{1f600}é",
        ),
        (r#"["\ud800\n"]"#, "\u{fffd}\n"),
    ] {
        let event = args::event(payload, Protocol::V3).unwrap();
        assert_eq!(event.name, name, "{payload}");
    }
}

#[test]
fn plain_names_are_borrowed_from_the_packet() {
    for payload in [r#"["chat message",1]"#, "[42]"] {
        assert!(
            matches!(args::event(payload, Protocol::V4).unwrap().name, Cow::Borrowed(_)),
            "{payload}"
        );
    }
}

#[test]
fn arguments_are_slices_of_the_packet() {
    let mut args = args::event(r#"["e", 1 ,{"a": [1, 2]},"x,]\"y",null,5,6]"#, Protocol::V4)
        .unwrap()
        .args;
    let raw: Vec<Box<RawValue>> = args.rest().unwrap();
    let raw: Vec<_> = raw.iter().map(|raw| raw.get()).collect();
    assert_eq!(raw, ["1", r#"{"a": [1, 2]}"#, r#""x,]\"y""#, "null", "5", "6"]);
}

#[test]
fn arguments_are_read_one_after_the_other() {
    let mut args = args(r#"["a",2,[3,4],true]"#);
    assert_eq!(args.len(), 4);
    assert_eq!(args.next::<String>().unwrap(), "a");
    assert_eq!(args.next::<u8>().unwrap(), 2);
    assert_eq!(args.next::<(u8, u8)>().unwrap(), (3, 4));
    assert_eq!(args.len(), 1);
    assert!(args.len() > 0);
    assert_eq!(args.rest::<bool>().unwrap(), [true]);
    assert_eq!(args.len(), 0);
}

#[test]
fn a_copy_of_the_cursor_reads_on_its_own() {
    let mut args = args("[1,2]");
    args.next::<u8>().unwrap();
    assert_eq!(args.clone().next::<u8>().unwrap(), 2);
    assert_eq!(args.next::<u8>().unwrap(), 2);
}

#[test]
fn a_missing_argument_reads_like_null() {
    let mut args = args("[]");
    assert_eq!(args.next::<Option<u8>>().unwrap(), None);
    args.next::<()>().unwrap();
    assert_eq!(args.next::<Value>().unwrap(), Value::Null);
    assert_eq!(args.next::<serde_json::Value>().unwrap(), serde_json::Value::Null);
    let error = args.next::<String>().unwrap_err();
    assert!(error.is_missing());
    assert_eq!(
        (error.index(), error.to_string()),
        (0, "argument 0 is missing".to_owned())
    );
}

#[test]
fn an_unreadable_argument_says_which_and_why() {
    let mut args = args(r#"[1,"x",3]"#);
    args.next::<u8>().unwrap();
    let error = args.next::<u8>().unwrap_err();
    assert!(!error.is_missing());
    assert_eq!(error.to_string(), "argument 1 is not of the expected type");
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .starts_with("invalid type: string \"x\", expected u8")
    );
    assert_eq!(
        args.next::<u8>().unwrap(),
        3,
        "an unreadable argument counts as read"
    );
}

#[test]
fn deep_json_is_an_error_of_the_argument() {
    let deep = |depth: usize| format!("[\"e\",{}{}]", "[".repeat(depth), "]".repeat(depth));
    let (shallow, deep) = (deep(127), deep(100_000));
    assert!(
        args::event(&shallow, Protocol::V4)
            .unwrap()
            .args
            .next::<Value>()
            .is_ok()
    );
    assert!(
        args::event(&deep, Protocol::V4)
            .unwrap()
            .args
            .next::<Value>()
            .is_err()
    );
}

#[test]
fn a_tuple_is_several_arguments_and_anything_else_is_one() {
    #[derive(Serialize)]
    struct Pair(u8, u8);
    #[derive(Serialize)]
    #[serde(transparent)]
    struct Point([u8; 2]);
    #[derive(Serialize)]
    struct Unit;
    let several = [
        emitted(&(1, "b")),
        emitted(&&(1, "b")),
        emitted(&&mut (1, "b")),
        emitted(&Box::new((1, "b"))),
        emitted(&(1, Box::new("b"))),
    ];
    assert!(
        several.iter().all(|text| text == r#"2["e",1,"b"]"#),
        "{several:?}"
    );
    let one = [
        emitted(&[1, 2]),
        emitted(&[1, 2][..]),
        emitted(&vec![1, 2]),
        emitted(&Pair(1, 2)),
        emitted(&Point([1, 2])),
        emitted(&Box::new([1, 2])),
        emitted(&((1, 2),)),
        emitted(&Some((1, 2))),
        emitted(&json!([1, 2])),
    ];
    assert!(one.iter().all(|text| text == r#"2["e",[1,2]]"#), "{one:?}");
    assert_eq!([emitted(&()), emitted(&&())], [r#"2["e"]"#; 2]);
    let null = [
        emitted(&Unit),
        emitted(&None::<u8>),
        emitted(&Value::Null),
        emitted(&((),)),
    ];
    assert!(null.iter().all(|text| text == r#"2["e",null]"#), "{null:?}");
}

#[test]
fn acknowledgements_spread_like_events() {
    assert_eq!(acknowledged(&()), "31[]");
    assert_eq!(acknowledged(&(1, "b")), r#"31[1,"b"]"#);
    assert_eq!(acknowledged(&[1, 2]), "31[[1,2]]");
    assert_eq!(acknowledged("a"), r#"31["a"]"#);
}

#[test]
fn acknowledgements_are_read_the_way_they_are_written() {
    assert_eq!(
        args(r#"[1,"b"]"#).all_as::<(u8, String)>().unwrap(),
        (1, "b".to_owned())
    );
    assert_eq!(args(r#"[1,"b",null]"#).all_as::<(u8,)>().unwrap(), (1,));
    assert_eq!(args("[[1,2]]").all_as::<[u8; 2]>().unwrap(), [1, 2]);
    assert_eq!(args("[[1,2],3]").all_as::<Vec<u8>>().unwrap(), [1, 2]);
    assert_eq!(args("[1,2]").all_as::<u8>().unwrap(), 1);
    assert_eq!(args("[1]").all_as::<(u8, Option<u8>)>().unwrap(), (1, None));
    assert_eq!(args("[]").all_as::<Option<u8>>().unwrap(), None);
    assert_eq!(*args("[1,2]").all_as::<Box<(u8, u8)>>().unwrap(), (1, 2));
    args("[]").all_as::<()>().unwrap();
    args("[1,2]").all_as::<()>().unwrap();
}

#[test]
fn a_tuple_says_which_of_its_arguments_is_wrong() {
    let error = args(r#"[1,"b"]"#).all_as::<(u8, u8)>().unwrap_err();
    assert_eq!((error.index(), error.is_missing()), (1, false));
    let error = args("[1]").all_as::<(u8, u8)>().unwrap_err();
    assert_eq!((error.index(), error.is_missing()), (1, true));
}

#[test]
fn a_tuple_is_read_from_where_the_cursor_is() {
    let mut args = args("[0,1,2]");
    args.next::<u8>().unwrap();
    assert_eq!(args.all_as::<(u8, u8)>().unwrap(), (1, 2));
    assert_eq!(args.len(), 2);
}

#[test]
fn shapes_are_seen_through_pointers() {
    use crate::packet::shape::Shape;
    assert_eq!(Shape::of::<&'static (u8, u8)>(), Shape::Several);
    assert_eq!(Shape::of::<&mut &(u8,)>(), Shape::Several);
    assert_eq!(Shape::of::<Box<Arc<Rc<(u8, u8)>>>>(), Shape::Several);
    assert_eq!(Shape::of::<Arc<()>>(), Shape::None);
    assert_eq!(Shape::of::<&(dyn std::fmt::Debug + Send)>(), Shape::One);
    assert_eq!(Shape::of::<Option<(u8, u8)>>(), Shape::One);
    assert_eq!(Shape::of::<str>(), Shape::One);
}

#[test]
fn values_without_json_are_an_error() {
    let keyed = HashMap::from([(vec![1_u8], 1)]);
    let error = encode::event(&mut Vec::new(), 0, "/", None, "e", &keyed).unwrap_err();
    assert_eq!(error.to_string(), "the arguments do not serialise");
    assert_eq!(error.source().unwrap().to_string(), "key must be a string");
}

#[test]
fn an_event_without_payload_has_no_name_and_no_arguments() {
    let event = args::event("", Protocol::V4).unwrap();
    assert!(event.name.is_empty() && event.args.len() == 0);
    let Ok(Reading { packet, .. }) = read("2", Protocol::V4) else {
        panic!("refused")
    };
    assert!(packet.payload.is_empty());
}

#[test]
fn a_rest_is_as_many_arguments_as_it_has_elements() {
    let cases: &[(&[u8], &str)] = &[
        (&[], r#"2["e"]"#),
        (&[1], r#"2["e",1]"#),
        (&[1, 2], r#"2["e",1,2]"#),
    ];
    for (elements, expected) in cases {
        let mut buf = Vec::new();
        let done = encode::event(
            &mut buf,
            0,
            "/",
            None,
            "e",
            &crate::packet::Rest(elements.to_vec()),
        )
        .unwrap();
        assert_eq!(std::str::from_utf8(&buf[done.start..]), Ok(*expected));
        let read: crate::packet::Rest<u8> = args::event(&expected[1..], Protocol::V4)
            .unwrap()
            .args
            .all_as()
            .unwrap();
        assert_eq!(read.0, *elements);
    }
}
