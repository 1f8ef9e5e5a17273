//! A short digest of a value, whatever the order of its keys: the same in every release.
//!
//! FNV-1a, which nobody has to trust: who can choose a value can also write it.

use serde_json::Value;

/// The digest of a value.
pub(super) fn digest(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    format!("{:016x}", fold(text.as_bytes()))
}

/// FNV-1a with 64 bits.
pub(super) fn fold(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            text.push('{');
            for key in keys {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(&map[key], text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(list) => {
            text.push('[');
            for item in list {
                write(item, text);
                text.push(',');
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_of_keys_is_nothing_and_all_else_is() {
        let first = digest(&json!({ "a": [1, { "x": 1, "y": 2 }], "b": "2" }));
        assert_eq!(first, digest(&json!({ "b": "2", "a": [1, { "y": 2, "x": 1 }] })));
        for other in [
            json!({ "a": [{ "x": 1, "y": 2 }, 1], "b": "2" }),
            json!({ "a": [1, { "x": 1, "y": 2 }], "b": 2 }),
            json!({ "a": [1, { "x": 1, "y": 2 }] }),
        ] {
            assert_ne!(first, digest(&other), "{other}");
        }
        assert_eq!(fold(b"a"), 0xaf63_dc4c_8601_ec8c, "as published with the algorithm");
    }
}
