//! Attachments wherever a type has room for bytes.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;

use super::*;
use crate::packet::{args::ack, check_own_placeholders, check_placeholders};

const ZERO: &str = r#"{"_placeholder":true,"num":0}"#;
const ONE: &str = r#"{"num":1,"_placeholder":true}"#;

fn attachments() -> [Bytes; 2] {
    [Bytes::from_static(b"zero"), Bytes::from_static(b"one")]
}

/// Reads one argument, `0` and `1` in it standing for placeholders.
fn read<T: DeserializeOwned>(json: &str) -> T {
    let payload = format!("[{}]", json.replace("«0»", ZERO).replace("«1»", ONE));
    check_placeholders(&payload, 2, usize::MAX).unwrap();
    ack(&payload)
        .unwrap()
        .with_attachments(&attachments())
        .next()
        .unwrap_or_else(|error| panic!("{json}: {}", std::error::Error::source(&error).unwrap()))
}

#[derive(Deserialize, Debug, PartialEq)]
struct File {
    name: String,
    data: Bytes,
}

#[test]
fn bytes_stand_where_the_type_says() {
    assert_eq!(read::<Bytes>("«0»"), "zero");
    assert_eq!(read::<ByteBuf>("«1»"), ByteBuf::from("one"));
    assert_eq!(read::<Option<Bytes>>("«1»"), Some(Bytes::from("one")));
    assert_eq!(read::<Option<Bytes>>("null"), None);
    assert_eq!(read::<Vec<Bytes>>("[«1»,«0»]"), ["one", "zero"]);
    assert_eq!(read::<(u8, Bytes)>("[1,«0»]"), (1, Bytes::from("zero")));
    assert_eq!(read::<BTreeMap<String, Bytes>>(r#"{"a":«0»}"#)["a"], "zero");
    assert_eq!(read::<HashMap<u32, Bytes>>(r#"{"7":«0»}"#)[&7], "zero");
    assert_eq!(read::<HashMap<bool, Bytes>>(r#"{"true":«0»}"#)[&true], "zero");
    let file = File {
        name: "a".to_owned(),
        data: Bytes::from("zero"),
    };
    assert_eq!(read::<File>(r#"{"name":"a","data":«0»,"more":[«1»]}"#), file);
    assert_eq!(read::<Vec<File>>(r#"[{"data":«0»,"name":"a"}]"#), [file]);
}

#[test]
fn bytes_stand_in_newtypes_and_tuple_structs() {
    #[derive(Deserialize)]
    struct Newtype(Bytes);
    #[derive(Deserialize)]
    struct Pair(Bytes, Option<Newtype>);
    assert_eq!(read::<Newtype>("«1»").0, "one");
    let Pair(first, second) = read("[«0»,«1»]");
    assert_eq!(
        (first, second.unwrap().0),
        (Bytes::from("zero"), Bytes::from("one"))
    );
}

#[test]
fn bytes_stand_in_enums_of_every_tagging() {
    #[derive(Deserialize, Debug, PartialEq)]
    enum External {
        Unit,
        Newtype(Bytes),
        Tuple(Bytes, u8),
        Struct { data: Bytes },
    }
    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(tag = "type")]
    enum Internal {
        File { data: Bytes },
    }
    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(tag = "t", content = "c")]
    enum Adjacent {
        File(Bytes),
    }
    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(untagged)]
    enum Untagged {
        Count(u8),
        Named { name: Bytes },
        Data(ByteBuf),
    }
    let (zero, one) = (Bytes::from("zero"), Bytes::from("one"));
    let external = [
        External::Unit,
        External::Newtype(zero.clone()),
        External::Tuple(one.clone(), 1),
    ];
    assert_eq!(
        read::<[External; 3]>(r#"["Unit",{"Newtype":«0»},{"Tuple":[«1»,1]}]"#),
        external
    );
    assert_eq!(
        read::<External>(r#"{"Struct":{"data":«0»}}"#),
        External::Struct { data: zero.clone() }
    );
    assert_eq!(
        read::<Internal>(r#"{"type":"File","data":«0»}"#),
        Internal::File { data: zero.clone() }
    );
    assert_eq!(
        read::<Internal>(r#"{"data":«0»,"type":"File"}"#),
        Internal::File { data: zero.clone() }
    );
    assert_eq!(read::<Adjacent>(r#"{"c":«1»,"t":"File"}"#), Adjacent::File(one));
    let untagged = [
        Untagged::Data(ByteBuf::from("zero")),
        Untagged::Count(7),
        Untagged::Named { name: zero },
    ];
    assert_eq!(read::<[Untagged; 3]>(r#"[«0»,7,{"name":«0»}]"#), untagged);
}

#[test]
fn bytes_stand_in_flattened_structs() {
    #[derive(Deserialize)]
    struct Message {
        room: String,
        #[serde(flatten)]
        file: File,
        #[serde(flatten)]
        more: HashMap<String, Value>,
    }
    let message: Message = read(r#"{"data":«1»,"room":"r","name":"n","extra":«0»}"#);
    assert_eq!((message.room.as_str(), message.file.name.as_str()), ("r", "n"));
    assert_eq!(message.file.data, "one");
    assert_eq!(message.more["extra"], binary(b"zero"));
}

#[test]
fn bytes_stand_anywhere_in_a_value() {
    let value: Value =
        read(r#"{"b":[1,{"c":«1»}],"a":«0»,"d":{"_placeholder":false,"num":9},"e":"\"_placeholder\""}"#);
    assert_eq!(value["b"][1]["c"], binary(b"one"));
    assert_eq!(value["a"], binary(b"zero"));
    assert_eq!(value["d"]["num"], 9.into());
    let keys: Vec<_> = value.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["b", "a", "d", "e"]);
}

#[test]
fn an_escaped_key_is_a_placeholder_too() {
    assert_eq!(read::<Bytes>(r#"{"\u005fplaceholder":true,"num":1}"#), "one");
}

#[test]
fn a_number_is_one_however_it_is_written() {
    for (number, text) in [("0.0", "zero"), ("-0", "zero"), ("10e-1", "one"), ("1.0", "one")] {
        let placeholder = format!(r#"{{"_placeholder":true,"num":{number}}}"#);
        assert_eq!(read::<Bytes>(&placeholder), text);
    }
}

#[test]
fn more_members_make_no_difference_to_a_placeholder() {
    assert_eq!(
        read::<Bytes>(r#"{"x":[{"y":1}],"_placeholder":true,"num":1}"#),
        "one"
    );
}

/// Deserialising takes another way once there are attachments; it must lead to the same place.
#[test]
fn arguments_beside_the_bytes_read_as_ever() {
    type Plain = (
        i64,
        u64,
        f64,
        f64,
        char,
        String,
        bool,
        Option<()>,
        HashMap<i8, Vec<u16>>,
    );
    let json = r#"[-5,18446744073709551615,1.5,1e+21,"é","\u2028",true,null,{"-1":[1,2]}]"#;
    let plain: Plain = serde_json::from_str(json).unwrap();
    let (beside, bytes): (Plain, Bytes) = read(&format!("[{json},«0»]"));
    assert_eq!((beside, bytes), (plain, Bytes::from("zero")));
}

#[test]
fn several_arguments_share_the_attachments() {
    let payload = format!("[{ONE},{ZERO}]");
    let attachments = attachments();
    let args = ack(&payload).unwrap().with_attachments(&attachments);
    assert_eq!(
        args.all_as::<(Bytes, Bytes)>().unwrap(),
        (Bytes::from("one"), Bytes::from("zero"))
    );
}

#[test]
fn without_attachments_a_placeholder_is_an_object() {
    let payload = format!("[{ONE}]");
    let value: Value = ack(&payload).unwrap().next().unwrap();
    assert_eq!(value["num"], 1.into());
}

#[test]
fn a_placeholder_must_name_an_attachment() {
    const LEGAL: &[&str] = &[
        r#"["e"]"#,
        r#"["e",{"_placeholder":true,"num":0},{"num":1,"_placeholder":true}]"#,
        r#"["e",{"_placeholder":1,"num":9},{"_placeholder":"true"},{"num":7},"_placeholder"]"#,
        r#"["e",{"_placeholder":true,"num":9,"num":1}]"#,
        r#"["e",{"_placeholder":true,"num":-0},{"_placeholder":true,"num":1.0}]"#,
        r#"["e",{"_placeholder":true,"num":{"$serde_json::private::Number":"1"}}]"#,
        r#"["e",{"$serde_json::private::Number":1},{"a":1,"$serde_json::private::Number":"1"}]"#,
    ];
    const ILLEGAL: &[&str] = &[
        r#"["e",{"_placeholder":true,"num":2}]"#,
        r#"["e",{"_placeholder":true,"num":-1}]"#,
        r#"["e",{"_placeholder":true,"num":"0"}]"#,
        r#"["e",{"_placeholder":true,"num":0.5}]"#,
        r#"["e",{"_placeholder":true,"num":2.0}]"#,
        r#"["e",{"_placeholder":true,"num":-1.0}]"#,
        r#"["e",{"_placeholder":true,"num":null}]"#,
        r#"["e",{"_placeholder":true}]"#,
        r#"["e",[{"a":{"num":18446744073709551615,"_placeholder":true}}]]"#,
        r#"["e",{"\u005fplaceholder":true,"num":2}]"#,
        r#"["e",{"$serde_json::private::Number":"1","a":{"_placeholder":true,"num":2}}]"#,
        r#"["e",{"_placeholder":true,"num":{"$serde_json::private::Number":"1","a":1}}]"#,
    ];
    for payload in LEGAL {
        assert_eq!(check_placeholders(payload, 2, usize::MAX), Ok(()), "{payload}");
        let args = args::event(payload, Protocol::V4).unwrap().args;
        assert!(
            args.with_attachments(&attachments()).rest::<Value>().is_ok(),
            "{payload}"
        );
    }
    for payload in ILLEGAL {
        let error = check_placeholders(payload, 2, usize::MAX).unwrap_err();
        assert_eq!(error.to_string(), "illegal attachments", "{payload}");
        assert!(!error.is_ignorable());
        let args = args::event(payload, Protocol::V4).unwrap().args;
        assert!(
            args.with_attachments(&attachments()).rest::<Value>().is_err(),
            "{payload}"
        );
    }
}

/// However they are spelled, and whatever stands before them that can't be read.
#[test]
fn placeholders_are_counted_wherever_they_stand() {
    let deep = format!("{}0{}", "[".repeat(127), "]".repeat(127));
    let escaped = r#"{"\u005fplaceholder":true,"num":0}"#;
    for before in ["1", r#""\ud800""#, "1e400", &deep] {
        for placeholder in [ZERO, escaped, r#"{"num":0,"_placeholder":true}"#] {
            let payload = format!(r#"["e",{before},{placeholder},[{{"a":{placeholder}}}],{placeholder}]"#);
            assert_eq!(check_placeholders(&payload, 1, 3), Ok(()), "{payload}");
            let error = check_placeholders(&payload, 1, 2).unwrap_err();
            assert!(
                error.is_too_many_attachments() && !error.is_ignorable(),
                "{payload}"
            );
        }
    }
}

/// Node takes these, so they cost the listener its argument and not the client its connection.
#[test]
fn what_serde_cannot_read_is_an_error_of_the_argument() {
    let deep = format!("{}{ZERO}{}", "[".repeat(100_000), "]".repeat(100_000));
    for arg in [deep.as_str(), r#""\ud800""#, "1e400"] {
        let payload = format!(r#"["e",{arg},{ZERO}]"#);
        assert_eq!(check_placeholders(&payload, 2, usize::MAX), Ok(()));
        let attachments = attachments();
        let mut args = args::event(&payload, Protocol::V4)
            .unwrap()
            .args
            .with_attachments(&attachments);
        // With `arbitrary_precision` no number is too large.
        assert!(
            args.next::<Value>().is_err() || arg == "1e400" && serde_json::from_str::<Value>(arg).is_ok()
        );
        assert_eq!(args.next::<Bytes>().unwrap(), "zero");
    }
}

/// A key that is written in pieces.
#[derive(PartialEq, Eq, Hash)]
struct Pieces(&'static str, &'static str);

impl std::fmt::Display for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)?;
        f.write_str(self.1)
    }
}

impl Serialize for Pieces {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Serialize)]
struct Fields {
    _placeholder: bool,
    num: u8,
}

/// What a server has written, read by one.
fn again<T: Serialize>(args: &T) -> Vec<Value> {
    let (text, attachments) = written(|buf| encode::ack(buf, HEADROOM, "/", 0, args).unwrap());
    let json = &text[text.find('[').unwrap()..];
    assert_eq!(check_own_placeholders(json, attachments.len()), Ok(()), "{json}");
    let mut args = ack(json).unwrap().with_own_attachments(&attachments);
    args.rest().unwrap()
}

#[test]
fn what_only_looks_like_a_placeholder_is_told_apart_in_what_a_server_has_written() {
    let raw = |json: &str| serde_json::value::RawValue::from_string(json.to_owned()).unwrap();
    let value: Value = serde_json::from_str(ONE).unwrap();
    let bytes = Value::from(Bytes::from_static(b"zero"));
    let two = [&value, &value];
    let inside = Value::from(two.map(Clone::clone).to_vec());
    assert_eq!(
        again(&(&two, "_placeholder", &bytes)),
        [inside, "_placeholder".into(), bytes.clone()]
    );
    let both = [value, bytes.clone()];
    // Beside a placeholder in the same argument, too.
    let beside = Value::from(both.to_vec());
    assert_eq!(again(&(&beside,)), [beside]);
    for spelling in ["_placeholder", r"\u005fplaceholder", r"_place\u0068older"] {
        let json = ONE.replace("_placeholder", spelling);
        assert_eq!(again(&(raw(&json), &bytes)), both, "{json}");
    }
    let fields = Fields {
        _placeholder: true,
        num: 1,
    };
    assert_eq!(again(&(fields, &bytes)), both);
    for pieces in [
        Pieces("_", "placeholder"),
        Pieces("_placeh", "older"),
        Pieces("", "_placeholder"),
    ] {
        let map = HashMap::from([(pieces, true)]);
        let expected = Value::from_iter([("_placeholder", Value::from(true))]);
        assert_eq!(again(&(map, &bytes)), [expected, bytes.clone()]);
    }
}

#[test]
fn more_placeholders_than_attachments_are_not_what_a_server_has_written() {
    for (json, attachments, legal) in [
        (format!("[{ZERO}]"), 1, true),
        (format!("[{ZERO},{ZERO}]"), 1, false),
        (format!("[{ZERO},{ONE},\"\\n\"]"), 2, true),
        (format!("[{ZERO},{ONE},[{ONE}],\"\\n\"]"), 2, false),
        (format!("[{ONE}]"), 1, false),
        (format!("[{}]", ONE.replace('_', r"\u005f")), 1, true),
        (format!("[{}]", ONE.replace('p', r"\u0070")), 0, true),
    ] {
        let checked = check_own_placeholders(&json, attachments);
        assert_eq!(checked.is_ok(), legal, "{json}");
    }
}
