//! What `notepack.io` 2.2 writes, as Rust values.

use serde_json::{json, value::RawValue};

use super::*;

#[test]
fn numbers_keep_their_width() {
    let args = "cf0020000000000000d3ffe0000000000000d1ff38ce00011170d2fffeee90cc80cdffffd1ff7f";
    let numbers: (u64, i64, i16, u32, i32, u8, u16, i16) = read(args, 8).unwrap();
    assert_eq!(
        numbers,
        (1 << 53, -(1 << 53), -200, 70_000, -70_000, 128, 65_535, -129)
    );
    assert_eq!(one::<u64>("cfffffffffffffffff").unwrap(), u64::MAX);
    assert_eq!(one::<i64>("d38000000000000000").unwrap(), i64::MIN);
    assert_eq!(one::<i128>("d38000000000000000").unwrap(), i64::MIN.into());
    assert_eq!((one::<u8>("7f").unwrap(), one::<i8>("e0").unwrap()), (127, -32));
    assert!(one::<u8>("cd0100").is_err() && one::<u8>("ff").is_err());
}

#[test]
fn floats_need_no_form_in_json() {
    assert!(one::<f64>("cb7ff8000000000000").unwrap().is_nan());
    assert_eq!(one::<f64>("cb7ff0000000000000").unwrap(), f64::INFINITY);
    assert_eq!(one::<f64>("cbfff0000000000000").unwrap(), f64::NEG_INFINITY);
    assert_eq!(one::<f64>("ca3fc00000").unwrap(), 1.5);
    assert_eq!(one::<f64>("05").unwrap(), 5.0);
    // Where JSON would have had nothing else.
    assert_eq!(one::<Value>("cb7ff8000000000000").unwrap(), Value::Null);
}

#[test]
fn undefined_reads_like_null() {
    assert_eq!(one::<Option<u8>>("d40000").unwrap(), None);
    assert_eq!(one::<Value>("d40000").unwrap(), Value::Null);
    one::<()>("d400ff").unwrap();
    assert!(one::<u8>("d40000").is_err());
    let missing = read::<(Option<u8>, Option<u8>)>("01", 1).unwrap();
    assert_eq!(missing, (Some(1), None));
}

#[test]
fn a_date_reads_as_in_json_and_as_its_milliseconds() {
    assert_eq!(
        one::<String>("d70000000000000005dc").unwrap(),
        "1970-01-01T00:00:01.500Z"
    );
    assert_eq!(
        one::<Value>("d700ffffffffffffffff").unwrap(),
        "1969-12-31T23:59:59.999Z".into()
    );
    assert_eq!(one::<i64>("d700ffffffffffffffff").unwrap(), -1);
    assert_eq!(one::<f64>("d70000000000000005dc").unwrap(), 1500.0);
    // No moment that a `Date` can be: `null`, as in JSON.
    assert_eq!(one::<Value>("d7007fffffffffffffff").unwrap(), Value::Null);
}

#[test]
fn bytes_of_every_make_are_bytes() {
    // A `Buffer`, an `ArrayBuffer`, one of eight bytes, which is no `Date`, and longer ones.
    let eight = "c708000102030405060708";
    assert_eq!(one::<Bytes>("c403010203").unwrap(), [1, 2, 3][..]);
    assert_eq!(one::<Bytes>("c7010009").unwrap(), [9][..]);
    assert_eq!(one::<Bytes>(eight).unwrap(), [1, 2, 3, 4, 5, 6, 7, 8][..]);
    assert_eq!(one::<Bytes>("c700 00".replace(' ', "").as_str()).unwrap(), [][..]);
    assert_eq!(one::<Bytes>("c500020102").unwrap(), [1, 2][..]);
    assert_eq!(one::<Bytes>("c6000000020102").unwrap(), [1, 2][..]);
    assert_eq!(one::<Bytes>("c80002000102").unwrap(), [1, 2][..]);
    assert_eq!(one::<Bytes>("c900000002000102").unwrap(), [1, 2][..]);
    assert_eq!(
        one::<Value>("c7010009").unwrap(),
        Value::Binary(Bytes::from_static(&[9]))
    );
    assert_eq!(one::<serde_bytes::ByteBuf>("a161").unwrap(), [97][..]);
}

/// As `notepack.io` has it, which knows none of them.
#[test]
fn other_extensions_are_their_type_and_their_bytes() {
    for wire in ["d4050a", "c701050a"] {
        assert_eq!(one::<(i8, Bytes)>(wire).unwrap(), (5, Bytes::from_static(&[10])));
    }
    let timestamp: (i8, Bytes) = one("d6ff00000001").unwrap();
    assert_eq!(timestamp, (-1, Bytes::from_static(&[0, 0, 0, 1])));
    assert_eq!(one::<(i8, Bytes)>("d5000102").unwrap().0, 0);
    assert_eq!(
        one::<(i8, Bytes)>("d80400000000000000000000000000000000")
            .unwrap()
            .1
            .len(),
        16
    );
}

#[test]
fn objects_and_keys() {
    // {a: undefined, b: {c: bytes}, d: [[[]]]}
    let value: Value = one("83a161d40000a16281a163c40105a164919190").unwrap();
    assert!(value["a"].is_null() && value["b"]["c"].as_bytes().is_some());
    assert_eq!(value["d"], json!([[[]]]).into());
    // Clients in other languages have keys that are no strings.
    let map: std::collections::BTreeMap<u8, bool> = one("8301c3a132c203c3").unwrap();
    assert_eq!(map, [(1, true), (2, false), (3, true)].into());
    assert_eq!(
        one::<Value>("8201c0c3c0").unwrap(),
        json!({"1": null, "true": null}).into()
    );
    assert!(one::<Value>("8190c0").is_err() && one::<Value>("81c0c0").is_err());
    assert_eq!(one::<Value>("de0001a16101").unwrap(), json!({"a": 1}).into());
    assert_eq!(one::<Value>("df00000001a16101").unwrap(), json!({"a": 1}).into());
    assert_eq!(one::<Value>("dd0000000101").unwrap(), json!([1]).into());
}

#[test]
fn raw_json_is_the_json_of_it() {
    let raw: Box<RawValue> = one("82a16101a16292c3d70000000000000005dc").unwrap();
    assert_eq!(raw.get(), r#"{"a":1,"b":[true,"1970-01-01T00:00:01.500Z"]}"#);
    let parsed: Value = one(&written(
        &RawValue::from_string(r#"{"z":[1.5,null],"a":"é"}"#.to_owned()).unwrap(),
    ))
    .unwrap();
    assert_eq!(parsed, json!({"z": [1.5, null], "a": "é"}).into());
}
