//! The values of the table as Rust values: 64-bit integers are decimal strings, floats the hexadecimal digits of their
//! bits, bytes and paths hexadecimal, maps lists of pairs, enums objects with a `variant`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use conformance::generated::{Containers, Corner, Defaults, Moments, Scalars, Shape};
use rpc::Timestamp;
use serde_json::Value;

pub trait FromJson {
    fn from_json(json: &Value) -> Self;
}

pub fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2) && text.is_ascii(), "{text} is hexadecimal");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("is hexadecimal")).collect()
}

fn text(json: &Value) -> &str {
    json.as_str().unwrap_or_else(|| panic!("{json} is a text"))
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl FromJson for $type {
            fn from_json(json: &Value) -> Self {
                match json {
                    Value::String(digits) => digits.parse().expect("fits the type"),
                    other => other.to_string().parse().unwrap_or_else(|_| panic!("{other} fits the type")),
                }
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64, i8, i16, i32, i64);

impl FromJson for bool {
    fn from_json(json: &Value) -> Self {
        json.as_bool().expect("is a bool")
    }
}

impl FromJson for f32 {
    fn from_json(json: &Value) -> Self {
        f32::from_bits(u32::from_str_radix(text(json), 16).expect("is the bits of a float"))
    }
}

impl FromJson for f64 {
    fn from_json(json: &Value) -> Self {
        f64::from_bits(u64::from_str_radix(text(json), 16).expect("is the bits of a float"))
    }
}

impl FromJson for String {
    fn from_json(json: &Value) -> Self {
        text(json).to_owned()
    }
}

impl FromJson for PathBuf {
    fn from_json(json: &Value) -> Self {
        PathBuf::from(OsString::from_vec(hex(text(json))))
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: &Value) -> Self {
        if json.is_null() {
            None
        } else {
            Some(T::from_json(json))
        }
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: &Value) -> Self {
        json.as_array().expect("is a list").iter().map(T::from_json).collect()
    }
}

impl<K: FromJson + Ord, V: FromJson> FromJson for BTreeMap<K, V> {
    fn from_json(json: &Value) -> Self {
        let pairs = json.as_array().expect("is a list of pairs");
        pairs.iter().map(|pair| (K::from_json(&pair[0]), V::from_json(&pair[1]))).collect()
    }
}

impl FromJson for Scalars {
    fn from_json(json: &Value) -> Self {
        Scalars {
            truth: bool::from_json(&json["truth"]),
            tiny: u8::from_json(&json["tiny"]),
            small: u16::from_json(&json["small"]),
            medium: u32::from_json(&json["medium"]),
            large: u64::from_json(&json["large"]),
            tiny_signed: i8::from_json(&json["tiny_signed"]),
            small_signed: i16::from_json(&json["small_signed"]),
            medium_signed: i32::from_json(&json["medium_signed"]),
            large_signed: i64::from_json(&json["large_signed"]),
            single: f32::from_json(&json["single"]),
            double: f64::from_json(&json["double"]),
            text: String::from_json(&json["text"]),
            blob: hex(text(&json["blob"])),
            digest: hex(text(&json["digest"])).try_into().expect("is 4 bytes long"),
            place: PathBuf::from_json(&json["place"]),
        }
    }
}

impl FromJson for Corner {
    fn from_json(json: &Value) -> Self {
        Corner { x: i32::from_json(&json["x"]), y: i32::from_json(&json["y"]) }
    }
}

impl FromJson for Shape {
    fn from_json(json: &Value) -> Self {
        match text(&json["variant"]) {
            "point" => Shape::Point,
            "circle" => Shape::Circle { radius: f64::from_json(&json["radius"]) },
            "polygon" => {
                Shape::Polygon { corners: Vec::from_json(&json["corners"]), name: Option::from_json(&json["name"]) }
            }
            other => panic!("there is no shape {other}"),
        }
    }
}

impl FromJson for Containers {
    fn from_json(json: &Value) -> Self {
        Containers {
            maybe: Option::from_json(&json["maybe"]),
            maybe_record: Option::from_json(&json["maybe_record"]),
            numbers: Vec::from_json(&json["numbers"]),
            texts: Vec::from_json(&json["texts"]),
            nested: Vec::from_json(&json["nested"]),
            by_name: BTreeMap::from_json(&json["by_name"]),
            by_number: BTreeMap::from_json(&json["by_number"]),
            shape: Shape::from_json(&json["shape"]),
            shapes: Vec::from_json(&json["shapes"]),
        }
    }
}

impl FromJson for Defaults {
    fn from_json(json: &Value) -> Self {
        Defaults {
            flag: bool::from_json(&json["flag"]),
            count: u32::from_json(&json["count"]),
            ratio: f64::from_json(&json["ratio"]),
            label: String::from_json(&json["label"]),
            shape: Shape::from_json(&json["shape"]),
            big: u64::from_json(&json["big"]),
            low: i64::from_json(&json["low"]),
        }
    }
}

impl FromJson for Timestamp {
    fn from_json(json: &Value) -> Self {
        Timestamp { seconds: i64::from_json(&json["seconds"]), nanos: u32::from_json(&json["nanos"]) }
    }
}

impl FromJson for Duration {
    fn from_json(json: &Value) -> Self {
        Duration::from_nanos(u64::from_json(json))
    }
}

impl FromJson for Moments {
    fn from_json(json: &Value) -> Self {
        Moments {
            at: Timestamp::from_json(&json["at"]),
            lasting: Duration::from_json(&json["lasting"]),
            patience: Duration::from_json(&json["patience"]),
            attempts: u32::from_json(&json["attempts"]),
            label: String::from_json(&json["label"]),
            labels: BTreeMap::from_json(&json["labels"]),
            earlier: Option::from_json(&json["earlier"]),
            waits: Vec::from_json(&json["waits"]),
        }
    }
}
