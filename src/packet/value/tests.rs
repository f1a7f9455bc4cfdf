use bytes::Bytes;
use serde::{Deserialize, de::value::MapDeserializer};
use serde_json::json;

use super::{deserialize::NUMBER_KEY, *};

#[test]
fn values_are_what_they_were_made_of() {
    assert_eq!(Value::from(()), Value::Null);
    assert_eq!(Value::from(None::<bool>), Value::Null);
    assert_eq!(Value::from(Some(true)), Value::Bool(true));
    assert_eq!(Value::from(f64::NAN), Value::Null);
    assert_eq!(Value::from(f32::INFINITY), Value::Null);
    assert_eq!(Value::from(-1_i8).as_i64(), Some(-1));
    assert_eq!(Value::from(u64::MAX).as_u64(), Some(u64::MAX));
    assert_eq!(Value::from(1.5_f32).as_f64(), Some(1.5));
    assert_eq!(Value::from("a").as_str(), Some("a"));
    assert_eq!(Value::from(vec![1, 2])[1], 2.into());
    assert_eq!(Value::from(Bytes::from("a")).as_bytes(), Some(&Bytes::from("a")));
}

#[test]
fn accessors_see_only_their_own_kind() {
    let mut value: Value = [("a", 1)].into_iter().collect();
    assert_eq!(
        (value.as_bool(), value.as_i64(), value.as_str()),
        (None, None, None)
    );
    assert_eq!(
        (value.as_bytes(), value.as_array(), value.is_null()),
        (None, None, false)
    );
    assert_eq!(value.as_array_mut(), None);
    value
        .as_object_mut()
        .unwrap()
        .insert("b".to_owned(), vec![true].into());
    assert_eq!(value["b"].as_array().unwrap()[0].as_bool(), Some(true));
    assert_eq!(value.take().as_object().unwrap().len(), 2);
    assert!(value.is_null());
}

#[test]
fn indexing_never_panics() {
    let value = Value::from(json!({"a": [1]}));
    assert_eq!(value["a"][0], 1.into());
    assert!(value["a"][1].is_null() && value["b"]["c"][2].is_null() && value[0].is_null());
}

#[test]
fn the_order_of_members_is_kept_and_does_not_count() {
    let (text, reverse) = (r#"{"z":1,"a":{"y":2,"b":[]}}"#, r#"{"a":{"b":[],"y":2},"z":1}"#);
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), text);
    assert_eq!(value, serde_json::from_str(reverse).unwrap());
    assert_eq!(value, json!({"a": {"b": [], "y": 2}, "z": 1}).into());
}

#[test]
fn a_value_is_a_deserializer() {
    #[derive(Deserialize, Debug, PartialEq)]
    enum Kind {
        Big,
        Small(u8),
    }
    let read = |json: serde_json::Value| Vec::<Kind>::deserialize(Value::from(json));
    assert_eq!(
        read(json!(["Big", {"Small": 1}])).unwrap(),
        [Kind::Big, Kind::Small(1)]
    );
    assert!(read(json!([{"Small": 1, "Big": null}])).is_err());
    assert!(read(json!([1])).is_err());
    assert!(<(u8, u8)>::deserialize(Value::from(json!([1, 2, 3]))).is_err());
}

#[test]
fn bytes_pass_through_formats_that_know_them() {
    let value = Value::Binary(Bytes::from("a"));
    assert_eq!(Value::deserialize(value.clone()).unwrap(), value);
    assert_eq!(Option::<Value>::deserialize(value.clone()).unwrap(), Some(value));
}

/// Some crate in the build may turn on `arbitrary_precision`, and then numbers come in disguise.
#[test]
fn numbers_of_arbitrary_precision_are_numbers() {
    let disguised = MapDeserializer::<_, serde::de::value::Error>::new([(NUMBER_KEY, "12")].into_iter());
    assert_eq!(Value::deserialize(disguised).unwrap(), 12.into());
}
