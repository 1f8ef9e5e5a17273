//! Patches over objects, by the examples of their definitions.

use api::envoy_proxy::{MergeType, kubernetes::KubernetesPatchSpec};
use serde_json::{Value, json};

use super::patch;

fn patched(type_: Option<MergeType>, object: &Value, value: Value) -> Result<Value, String> {
    patch(object.clone(), &KubernetesPatchSpec { type_, value })
}

/// The examples of RFC 7396, appendix A, as far as the patch is an object.
#[test]
fn json_merge_is_that_of_the_rfc() {
    let cases = [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
        (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
        (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
        (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
    ];
    for (object, value, expected) in cases {
        let result = patched(Some(MergeType::JSONMerge), &object, value.clone());
        assert_eq!(result, Ok(expected), "{value} over {object}");
    }
}

#[test]
fn strategic_merge_tells_items_apart_by_their_key() {
    let pod = json!({
        "containers": [{"name": "proxy", "image": "a", "env": [{"name": "X", "value": "1"}]}],
        "tolerations": [{"key": "a"}],
        "nodeSelector": {"disk": "ssd"},
        "finalizers": ["one", "two"],
    });
    let cases = [
        (
            "an item is merged, and one that is new is added",
            json!({"containers": [
                {"name": "proxy",
                 "env": [{"name": "X", "value": "2"}, {"name": "Y", "value": "3"}]},
                {"name": "log", "image": "b"},
            ]}),
            "/containers",
            json!([
                {"name": "proxy", "image": "a",
                 "env": [{"name": "X", "value": "2"}, {"name": "Y", "value": "3"}]},
                {"name": "log", "image": "b"},
            ]),
        ),
        (
            "a list without a key is replaced",
            json!({"tolerations": [{"key": "b"}]}),
            "/tolerations",
            json!([{"key": "b"}]),
        ),
        (
            "an item is deleted",
            json!({"containers": [{"name": "proxy", "$patch": "delete"}]}),
            "/containers",
            json!([]),
        ),
        (
            "a list is replaced",
            json!({"containers": [{"$patch": "replace"}, {"name": "only"}]}),
            "/containers",
            json!([{"name": "only"}]),
        ),
        (
            "a map is replaced",
            json!({"nodeSelector": {"$patch": "replace", "zone": "a"}}),
            "/nodeSelector",
            json!({"zone": "a"}),
        ),
        (
            "a map keeps only some keys",
            json!({"nodeSelector": {"$retainKeys": ["zone"], "zone": "a"}}),
            "/nodeSelector",
            json!({"zone": "a"}),
        ),
        ("null deletes", json!({"nodeSelector": {"disk": null}}), "/nodeSelector", json!({})),
        (
            "plain items are deleted by value",
            json!({"$deleteFromPrimitiveList/finalizers": ["one"]}),
            "/finalizers",
            json!(["two"]),
        ),
    ];
    for (what, value, at, expected) in cases {
        let result = patched(None, &pod, value).unwrap();
        assert_eq!(result.pointer(at), Some(&expected), "{what}");
    }
}

#[test]
fn ports_of_a_service_are_told_apart_by_number_and_protocol() {
    let service = json!({"ports": [
        {"port": 443, "protocol": "TCP", "name": "https"},
        {"port": 443, "protocol": "UDP", "name": "http3"},
    ]});
    let value = json!({"ports": [{"port": 443, "protocol": "UDP", "nodePort": 30443}]});
    let result = patched(None, &service, value).unwrap();
    assert_eq!(result.pointer("/ports/0/nodePort"), None);
    assert_eq!(result.pointer("/ports/1/nodePort"), Some(&json!(30443)));
}

#[test]
fn what_is_no_patch_is_refused() {
    let refused = [
        (None, json!(["a"]), "not an object"),
        (None, json!({"a": {"$patch": "remove"}}), "none of delete"),
        (None, json!({"a": [{"$delete": true}]}), "no directive"),
        (Some(MergeType::Replace), json!({}), "neither"),
    ];
    for (type_, value, reason) in refused {
        let error = patched(type_, &json!({}), value.clone()).unwrap_err();
        assert!(error.contains(reason), "{value}: {error}");
    }
}
