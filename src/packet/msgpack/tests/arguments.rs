//! Rust types as arguments, both ways: what they are as JSON.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Point {
    x: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Unit;

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Wrapped(u8);

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Pair(u8, String);

#[derive(Serialize, Deserialize, Debug, PartialEq)]
enum Shape {
    Empty,
    Circle(u8),
    Line(u8, u8),
    Named { name: String },
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(tag = "type")]
enum Tagged {
    File { data: Bytes },
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(untagged)]
enum Either {
    Number(u8),
    Bytes(Bytes),
}

/// Written as msgpack it is what it would be as JSON, and it reads as what it was.
#[track_caller]
fn same<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    value: &T,
    as_json: serde_json::Value,
) {
    let wire = written(value);
    assert_eq!(one::<Value>(&wire).unwrap(), as_json.into());
    assert_eq!(one::<T>(&wire).unwrap(), *value);
}

/// Some crate in the build may turn on `arbitrary_precision`, and then numbers go in disguise, too.
#[test]
fn numbers_of_arbitrary_precision_are_numbers() {
    #[derive(Serialize)]
    #[serde(rename = "$serde_json::private::Number")]
    struct Disguised {
        #[serde(rename = "$serde_json::private::Number")]
        number: &'static str,
    }
    for (number, plain) in [
        ("12", json!(12)),
        ("-12", json!(-12)),
        ("0", json!(0)),
        ("-0", json!(-0.0)),
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("1.50", json!(1.5)),
        ("1e+21", json!(1e21)),
    ] {
        assert_eq!(written(&Disguised { number }), written(&plain), "{number}");
    }
}

#[test]
fn types_are_what_they_are_as_json() {
    let label = Some("p".to_owned());
    same(&Point { x: -1, label }, json!({"x": -1, "label": "p"}));
    same(&Point { x: 1, label: None }, json!({"x": 1}));
    same(&Unit, json!(null));
    same(&Wrapped(1), json!(1));
    same(&Pair(1, "a".to_owned()), json!([1, "a"]));
    same(&Shape::Empty, json!("Empty"));
    same(&Shape::Circle(1), json!({"Circle": 1}));
    same(&Shape::Line(1, 2), json!({"Line": [1, 2]}));
    let name = "n".to_owned();
    same(&Shape::Named { name }, json!({"Named": {"name": "n"}}));
    same(&Some('é'), json!("é"));
    same(&BTreeMap::from([(1, true)]), json!({"1": true}));
    same(&BTreeMap::from([(-1, 'a')]), json!({"-1": "a"}));
    same(&BTreeMap::from([(true, 'a')]), json!({"true": "a"}));
    same(&[[1_u8, 2], [3, 4]], json!([[1, 2], [3, 4]]));
    // Human-readable, as JSON is.
    same(&"::1".parse::<IpAddr>().unwrap(), json!("::1"));
    same(&i128::from(i64::MIN), json!(i64::MIN));
    same(&u128::from(u64::MAX), json!(u64::MAX));
    same(&1.5_f32, json!(1.5));
    same(&(1, (2, "b".to_owned())), json!([1, [2, "b"]]));
}

#[test]
fn bytes_stand_wherever_they_may() {
    let data = Bytes::from_static(&[1]);
    let file = Tagged::File { data: data.clone() };
    assert_eq!(one::<Tagged>(&written(&file)).unwrap(), file);
    assert_eq!(one::<Either>(&written(&data)).unwrap(), Either::Bytes(data));
    assert_eq!(one::<Either>("07").unwrap(), Either::Number(7));
}

#[test]
fn what_has_no_form_is_refused() {
    let mut buf = Vec::new();
    assert!(Codec.ack(&mut buf, "/", 0, &u128::MAX).is_err());
    assert!(Codec.ack(&mut buf, "/", 0, &i128::MIN).is_err());
    let keys = BTreeMap::from([(vec![1], 1)]);
    let error = Codec.ack(&mut buf, "/", 0, &keys).unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "key must be a string");

    /// Says that it is longer than it is.
    struct Liar;
    impl Serialize for Liar {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq as _;
            let mut sequence = serializer.serialize_seq(Some(2))?;
            sequence.serialize_element(&1)?;
            sequence.end()
        }
    }
    assert!(Codec.ack(&mut buf, "/", 0, &Liar).is_err());
}

#[test]
fn a_sequence_of_unknown_length_is_counted() {
    struct Unknown(u16);
    impl Serialize for Unknown {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..self.0).filter(|number| number % 2 == 0))
        }
    }
    for (count, head) in [(2, "91"), (30, "9f"), (32, "dc0010")] {
        let wire = written(&Unknown(count));
        assert!(wire.starts_with(&format!("{head}00")), "{wire}");
        assert_eq!(one::<Vec<u16>>(&wire).unwrap().len(), usize::from(count / 2));
    }
}

#[test]
fn errors_tell_which_argument_it_was() {
    let error = read::<(u8, u8)>("01a161", 2).unwrap_err();
    assert_eq!((error.index(), error.is_missing()), (1, false));
    let error = read::<(u8, u8)>("01", 1).unwrap_err();
    assert_eq!((error.index(), error.is_missing()), (1, true));
    assert!(one::<(u8, u8)>("93010203").is_err());
    assert!(one::<[u8; 2]>("93010203").is_err());
    assert!(one::<Vec<u8>>("c40101").is_err());
}

#[test]
fn arguments_are_read_one_after_the_other() {
    let message = event("01c402090992c0c0a178", 4);
    let packet = decode(&message, V4).unwrap();
    let mut args = packet.body().event(V4).unwrap().args;
    assert_eq!(args.len(), 4);
    assert_eq!(args.next::<u8>().unwrap(), 1);
    // What fails counts as read.
    assert_eq!(args.next::<u8>().unwrap_err().index(), 1);
    let rest = args.clone();
    assert_eq!(args.rest::<Value>().unwrap().len(), 2);
    assert_eq!((args.len(), rest.len()), (0, 2));
    assert_eq!(args.next::<Option<u8>>().unwrap(), None);
}

/// Those of its message that mean nothing are kept in memory as well, so they count where events are kept.
#[test]
fn a_kept_event_is_as_large_as_its_message() {
    let junk = format!("a46a756e6bc503e8{}", "00".repeat(1000));
    let message = hex(&format!("84a47479706502a464617461{}a36e7370a12f{junk}", "91a165"));
    let packet = decode(&message, V4).unwrap();
    assert_eq!(packet.body().keep().size(), message.len());
}
