use proptest::prelude::*;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Serializer, ser::Formatter, value::RawValue};

use super::{plain::plain_len, *};
use crate::packet::{Value, encode::event};

fn elements(json: &str) -> Option<Vec<&str>> {
    let mut elements = Vec::new();
    Scanner::new(json).array(|element| elements.push(element.json))?;
    Some(elements)
}

/// The only element of an array.
fn only(json: &str) -> Element<'_> {
    let mut only = None;
    Scanner::new(json).array(|element| only = Some(element)).unwrap();
    only.unwrap()
}

/// What `serde_json` makes of the same text.
fn oracle(json: &str) -> Option<Vec<String>> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(elements.iter().map(|element| element.get().to_owned()).collect())
}

/// An array, and the text of its elements; `None` if it isn't JSON.
const CASES: &[(&str, Option<&[&str]>)] = &[
    ("[]", Some(&[])),
    (" [ ] ", Some(&[])),
    ("\t[\n1\r, 2 ]", Some(&["1", "2"])),
    (
        r#"["a","\"","\\","\u00e9\/\b\f\n\r\t"]"#,
        Some(&[r#""a""#, r#""\"""#, r#""\\""#, r#""\u00e9\/\b\f\n\r\t""#]),
    ),
    (
        r#"[{"a":[{},[]], "b" : {"c":null}},true,false]"#,
        Some(&[r#"{"a":[{},[]], "b" : {"c":null}}"#, "true", "false"]),
    ),
    (
        "[0,-0,1.5,-2e+10,3E-7,1e5]",
        Some(&["0", "-0", "1.5", "-2e+10", "3E-7", "1e5"]),
    ),
    ("", None),
    ("[", None),
    ("[1", None),
    ("[1,", None),
    ("[1,]", None),
    ("[,1]", None),
    ("[1 2]", None),
    ("[1]]", None),
    ("[1] x", None),
    ("{}", None),
    ("[01]", None),
    ("[1.]", None),
    ("[.5]", None),
    ("[-]", None),
    ("[1e]", None),
    ("[+1]", None),
    ("[tru]", None),
    ("[nulll]", None),
    ("[\"a]", None),
    ("[\"\\x\"]", None),
    ("[\"\\u12g4\"]", None),
    ("[\"\\u123", None),
    ("[\"\u{1}\"]", None),
    ("[\"a\nb\"]", None),
    ("[{1:2}]", None),
    ("[{\"a\"}]", None),
    ("[{\"a\":}]", None),
    ("[{\"a\":1,}]", None),
    ("[{\"a\":1]]", None),
    ("[[1}]", None),
    ("['a']", None),
];

#[test]
fn elements_are_found_where_they_lie_and_what_is_not_json_is_refused() {
    for (json, expected) in CASES {
        assert_eq!(elements(json).as_deref(), *expected, "{json}");
        assert_eq!(oracle(json).is_some(), expected.is_some(), "{json}");
    }
}

#[test]
fn depth_costs_neither_stack_nor_an_error() {
    for depth in [1, 63, 64, 65, 127, 128, 129, 200_000] {
        let array = format!("[{}{}]", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(elements(&array).unwrap().len(), 1);
        let object = format!("[{}1{}]", r#"{"a":["#.repeat(depth), "]}".repeat(depth));
        assert_eq!(elements(&object).unwrap().len(), 1);
        assert_eq!(elements(&object[..object.len() - 2]), None);
    }
}

#[test]
fn special_bytes_are_found_at_every_place() {
    for special in [0, 0x1f, b'"', b'\\'] {
        for len in (0..300).chain(500..530).chain([1_023, 1_024, 5_000]) {
            let mut bytes = vec![b'x'; len];
            bytes.push(special);
            bytes.extend_from_slice(b"\"\\tail");
            assert_eq!(plain_len(&bytes), len, "{special} after {len}");
        }
    }
    for plain in [0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
        assert_eq!(plain_len(&[plain; 777]), 777, "{plain}");
    }
}

/// Writes strings with [`string`], as the encoder of packets does.
struct Writing<'a>(&'a TextNext);

impl Formatter for Writing<'_> {
    fn write_byte_array<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        bytes: &[u8],
    ) -> std::io::Result<()> {
        assert!(self.0.take(), "bytes that are no text");
        string(writer, bytes)
    }
}

fn written<T: Serialize>(value: &T) -> String {
    let (mut buf, next) = (Vec::new(), TextNext::default());
    let mut serializer = Serializer::with_formatter(&mut buf, Writing(&next));
    TextAsBytes(value, &next).serialize(&mut serializer).unwrap();
    String::from_utf8(buf).unwrap()
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Shapes {
    Unit,
    Newtype(String),
    Tuple(String, u8),
    Struct { text: String, more: Option<String> },
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Wrapper(String);

#[test]
fn every_shape_of_a_value_is_written_as_serde_json_writes_it() {
    let text = || "say \"é\"\n\u{7}".to_owned();
    let raw = RawValue::from_string(r#"{"kept" : "as is"}"#.to_owned()).unwrap();
    let shapes = [
        Shapes::Unit,
        Shapes::Newtype(text()),
        Shapes::Tuple(text(), 1),
        Shapes::Struct {
            text: text(),
            more: Some(text()),
        },
    ];
    let map: std::collections::BTreeMap<String, Vec<String>> = [(text(), vec![text()])].into();
    let value = (
        shapes,
        Wrapper(text()),
        &map,
        &raw,
        ('"', 1.5, -3, u64::MAX, true, ()),
        Some(text()),
        None::<u8>,
    );
    assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
}

#[test]
fn a_string_is_lent_and_everything_else_is_read_as_serde_json_reads_it() {
    fn both<T: serde::de::DeserializeOwned + std::fmt::Debug + PartialEq>(json: &str) {
        let array = format!("[{json}]");
        let read: Result<T, _> = from_json(std::marker::PhantomData::<T>, only(&array));
        let expected: Result<T, _> = serde_json::from_str(json);
        assert_eq!(
            read.map_err(|error| error.to_string()),
            expected.map_err(|error| error.to_string()),
            "{json}"
        );
    }
    for json in [
        r#""plain""#,
        r#""\u00e9sc\n""#,
        r#""""#,
        r#""Unit""#,
        "1",
        "null",
        "[1]",
        r#"{"Newtype":"x"}"#,
    ] {
        both::<String>(json);
        both::<Option<String>>(json);
        both::<Wrapper>(json);
        both::<Shapes>(json);
        both::<Value>(json);
        both::<serde_json::Value>(json);
        both::<char>(json);
        both::<(u8,)>(json);
    }
}

#[test]
fn an_error_says_what_was_there_instead() {
    let error = from_json(std::marker::PhantomData::<u32>, only(r#"["text"]"#)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("invalid type: string \"text\", expected u32"),
        "{error}"
    );
}

/// Text that is nearly JSON: tokens in any order.
fn nearly_json() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just(",".to_owned()),
        Just(":".to_owned()),
        Just(" ".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
        "\"[a-z\\\\\"u0-9]{0,6}\"",
        "[\\x00-\\x7f]",
    ];
    proptest::collection::vec(token, 0..12).prop_map(|tokens| format!("[{}]", tokens.concat()))
}

proptest! {
    #[test]
    fn the_scanner_and_serde_json_agree_on_what_is_json(json in nearly_json()) {
        let found = elements(&json).map(|found| found.into_iter().map(str::to_owned).collect::<Vec<_>>());
        prop_assert_eq!(found, oracle(&json));
    }

    #[test]
    fn the_scanner_finds_the_elements_of_any_json(values in proptest::collection::vec(crate::packet::tests::any_value(), 0..6)) {
        let json = serde_json::to_string(&values).unwrap();
        let found = elements(&json).unwrap();
        let expected: Vec<String> = values.iter().map(|value| serde_json::to_string(value).unwrap()).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(elements(&json[..json.len() - 1]), None);
        prop_assert!(serde_json::from_str::<IgnoredAny>(&json).is_ok());
    }

    #[test]
    fn any_string_is_written_as_serde_json_writes_it(text in any::<String>()) {
        prop_assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
        let mut buf = Vec::new();
        let encoded = event(&mut buf, 0, "/", None, &text, &()).unwrap();
        let expected = format!("2[{}]", serde_json::to_string(&text).unwrap());
        prop_assert_eq!(std::str::from_utf8(&buf[encoded.start..]).unwrap(), expected);
    }
}
